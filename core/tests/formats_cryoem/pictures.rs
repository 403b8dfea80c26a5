//! Micrographs as TIFF, PNG and JPEG, and their dimensions.

use image::{DynamicImage, ImageFormat};
use vitrine_core::formats::micrograph;

use crate::make;

#[test]
fn tiff_of_every_number_type_keeps_its_values() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(u16, u16, Vec<u8>, [f32; 2]); 7] = [
        (8, 1, vec![3, 250], [3.0, 250.0]),
        (8, 2, vec![3, 250], [3.0, -6.0]),
        (16, 1, [3u16, 60000].map(u16::to_le_bytes).concat(), [3.0, 60000.0]),
        (16, 2, [3i16, -5].map(i16::to_le_bytes).concat(), [3.0, -5.0]),
        (32, 1, [3u32, 70000].map(u32::to_le_bytes).concat(), [3.0, 70000.0]),
        (32, 2, [3i32, -70000].map(i32::to_le_bytes).concat(), [3.0, -70000.0]),
        (32, 3, [0.5f32, -1.25].map(f32::to_le_bytes).concat(), [0.5, -1.25]),
    ];
    for (bits, format, data, expected) in cases {
        let path = make::file(folder.path(), "a.tif", make::tiff(2, 1, bits, format, &data));
        let read = micrograph::open(&path).unwrap();
        assert_eq!(read.image.data, expected, "{bits} bits, format {format}");
        assert_eq!((read.image.width, read.image.height), (2, 1));
        assert_eq!(micrograph::dimensions(&path).unwrap(), (2, 1));
    }
    let nan = make::tiff(2, 1, 32, 3, &[1.0f32, f32::NAN].map(f32::to_le_bytes).concat());
    let error = micrograph::open(&make::file(folder.path(), "nan.tif", nan)).unwrap_err().to_string();
    assert!(error.contains("NaN at column 1, row 0"), "{error}");
}

#[test]
fn png_and_jpeg_keep_their_values_and_the_name_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mrc");
    let deep = DynamicImage::ImageLuma16(image::ImageBuffer::from_vec(2, 1, vec![1u16, 65000]).unwrap());
    deep.save_with_format(&path, ImageFormat::Png).unwrap();
    assert_eq!(micrograph::open(&path).unwrap().image.data, [1.0, 65000.0]);
    let colour = DynamicImage::ImageRgb8(image::ImageBuffer::from_vec(1, 1, vec![9u8, 9, 9]).unwrap());
    colour.save_with_format(&path, ImageFormat::Png).unwrap();
    assert_eq!(micrograph::open(&path).unwrap().image.data, [9.0]);
    let grey = DynamicImage::ImageLuma8(image::ImageBuffer::from_pixel(64, 32, image::Luma([77u8])));
    grey.save_with_format(&path, ImageFormat::Jpeg).unwrap();
    assert_eq!(micrograph::dimensions(&path).unwrap(), (64, 32));
    assert!(micrograph::open(&path).unwrap().image.data.iter().all(|v| (v - 77.0).abs() <= 1.0));
}

#[test]
fn a_truncated_jpeg_is_an_error_not_a_grey_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jpg");
    let noise = image::GrayImage::from_fn(64, 64, |x, y| image::Luma([(x * 37 + y * y * 11) as u8]));
    noise.save_with_format(&path, ImageFormat::Jpeg).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = micrograph::open(&path).unwrap_err().to_string();
    assert!(error.contains("ends before its last row") || error.contains("decoded"), "{error}");
}

#[test]
fn mrc_micrographs_carry_their_pixel_size() {
    let folder = tempfile::tempdir().unwrap();
    let data: Vec<u8> = [1f32, 2.0, 3.0, 4.0, 5.0, 6.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    for bytes in
        [make::mrc(3, 2, 1, 2, false, &[], &data), make::gzip(&make::mrc(3, 2, 1, 2, false, &[], &data))]
    {
        let path = make::file(folder.path(), "mic.mrc", bytes);
        let read = micrograph::open(&path).unwrap();
        assert_eq!(read.pixel_size, Some(1.5));
        assert_eq!(read.image.at(2, 1), 6.0);
        assert_eq!(micrograph::dimensions(&path).unwrap(), (3, 2));
    }
}
