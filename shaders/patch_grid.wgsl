// The gallery's grid: one instance a patch. Looks up the patch in its page, spreads its values between
// the two ends of the contrast window, colours them, and draws border and glyph of its label, the
// selection and the frame of the current patch. The values on the pages are ready: averaged down by
// app/src/gpu/cell.rs and, where asked, band-passed and measured by band_pass.wgsl.
//
// Included by app/src/gpu/grid.rs; the structs here and there have the same fields in the same order.

struct Look {
    // Size of the viewport, px.
    viewport: vec2<f32>,
    // Side of a patch on the screen, px.
    side: f32,
    // Room around a patch for the frame of the current one, px.
    margin: f32,
    // Side of a patch on its page and of the page, texels.
    texels: f32,
    page: f32,
    // Row of the colour map, centre of the texel, 0..1.
    colour_row: f32,
    // 1: dark is high.
    invert: f32,
    // px of the display per point.
    scale: f32,
    // 1: the target converts linear to sRGB by itself.
    linear: f32,
    // Half the width of a glyph, px.
    glyph: f32,
    // Width of a label's border, px.
    border: f32,
    positive: vec4<f32>,
    negative: vec4<f32>,
    unlabeled: vec4<f32>,
    accent: vec4<f32>,
    cursor: vec4<f32>,
    // Where pixels are still being read.
    empty: vec4<f32>,
};

@group(0) @binding(0) var<uniform> look: Look;
@group(0) @binding(1) var pages: texture_2d_array<f32>;
@group(0) @binding(2) var smooth_sampler: sampler;
@group(0) @binding(3) var colours: texture_2d<f32>;
// Ends of the windows that band_pass.wgsl has found, by slot, 1024 in a row.
@group(0) @binding(4) var ends: texture_2d<f32>;

const LABEL: u32 = 3u;
const SELECTED: u32 = 4u;
const CURRENT: u32 = 8u;
const MISSING: u32 = 16u;
const MEASURED: u32 = 32u;

struct Corner {
    @builtin(position) position: vec4<f32>,
    // px from the patch's upper left corner; negative in the margin.
    @location(0) at: vec2<f32>,
    // Upper left corner on the page, texels; the page.
    @location(1) @interpolate(flat) place: vec3<f32>,
    @location(2) @interpolate(flat) window: vec2<f32>,
    @location(3) @interpolate(flat) flags: u32,
};

@vertex
fn corner(
    @builtin(vertex_index) index: u32,
    // px from the viewport's upper left corner.
    @location(0) origin: vec2<f32>,
    @location(1) place: vec3<f32>,
    @location(2) window: vec2<f32>,
    @location(3) slot: u32,
    @location(4) flags: u32,
) -> Corner {
    // 0 1 2, 2 1 3
    let strip = array<u32, 6>(0u, 1u, 2u, 2u, 1u, 3u);
    let which = strip[index];
    let unit = vec2<f32>(f32(which & 1u), f32(which >> 1u));
    let at = unit * (look.side + 2.0 * look.margin) - look.margin;
    let px = origin + at;
    var out: Corner;
    out.position = vec4<f32>(
        2.0 * px.x / look.viewport.x - 1.0,
        1.0 - 2.0 * px.y / look.viewport.y,
        0.0,
        1.0,
    );
    out.at = at;
    out.place = place;
    out.window = window;
    if (flags & MEASURED) != 0u {
        out.window = textureLoad(ends, vec2<u32>(slot % 1024u, slot / 1024u), 0).rg;
    }
    out.flags = flags;
    return out;
}

// Whole where `distance` (px) is inside, nothing outside, half on the edge.
fn covers(distance: f32) -> f32 {
    return clamp(0.5 - distance, 0.0, 1.0);
}

// Distance to the glyph of a label around 0, px: disc, cross or ring.
fn glyph(label: u32, p: vec2<f32>) -> f32 {
    let r = look.glyph;
    if label == 1u {
        return length(p) - r;
    }
    if label == 2u {
        let q = abs(vec2<f32>(p.x + p.y, p.x - p.y)) * 0.70710678;
        let thick = max(r * 0.30, 0.8);
        let arm = r * 1.1;
        return min(max(q.x - arm, q.y - thick), max(q.y - arm, q.x - thick));
    }
    let width = max(r * 0.32, 0.9 * look.scale);
    return abs(length(p) - (r - width * 0.5)) - width * 0.5;
}

fn patch_colour(in: Corner) -> vec3<f32> {
    // Half a texel away from the neighbours on the page.
    let inside = clamp(in.at / look.side * look.texels, vec2<f32>(0.5), vec2<f32>(look.texels - 0.5));
    let uv = (in.place.xy + inside) / look.page;
    let value = textureSampleLevel(pages, smooth_sampler, uv, i32(in.place.z), 0.0).r;
    // A patch of one value is mid-grey, as in `core/src/grayscale.rs`.
    let span = in.window.y - in.window.x;
    var share = select(0.5, clamp((value - in.window.x) / max(span, 1e-6), 0.0, 1.0), span > 0.0);
    share = mix(share, 1.0 - share, look.invert);
    let place = vec2<f32>((share * 255.0 + 0.5) / 256.0, look.colour_row);
    return textureSampleLevel(colours, smooth_sampler, place, 0.0).rgb;
}

fn linear_from_gamma(c: vec3<f32>) -> vec3<f32> {
    let low = c / 12.92;
    let high = pow((c + 0.055) / 1.055, vec3<f32>(2.4));
    return select(high, low, c < vec3<f32>(0.04045));
}

@fragment
fn shade(in: Corner) -> @location(0) vec4<f32> {
    let side = look.side;
    let label = in.flags & LABEL;
    let edge = min(min(in.at.x, in.at.y), min(side - in.at.x, side - in.at.y));
    var colour = vec4<f32>(0.0);
    if edge >= 0.0 {
        var mark = look.unlabeled;
        var border = max(1.0, look.scale);
        if label == 1u { mark = look.positive; border = look.border; }
        if label == 2u { mark = look.negative; border = look.border; }
        var rgb = look.empty.rgb;
        if (in.flags & MISSING) == 0u {
            rgb = patch_colour(in);
        }
        if (in.flags & SELECTED) != 0u {
            rgb = mix(rgb, look.accent.rgb, 0.28);
        }
        // The glyph on a disc of its own, legible on any patch.
        let centre = vec2<f32>(border + look.glyph * 1.55);
        let p = in.at - centre;
        let ground = covers(length(p) - look.glyph * 1.5) * 0.72;
        rgb = mix(rgb, vec3<f32>(0.06), ground);
        rgb = mix(rgb, mark.rgb, covers(glyph(label, p)));
        if edge < border {
            rgb = mix(rgb, mark.rgb, mark.a);
        }
        if (in.flags & SELECTED) != 0u && edge >= border && edge < border + 2.0 * look.scale {
            rgb = look.accent.rgb;
        }
        colour = vec4<f32>(rgb, 1.0);
    } else if (in.flags & CURRENT) != 0u {
        colour = vec4<f32>(look.cursor.rgb, 1.0);
    } else if (in.flags & SELECTED) != 0u && edge > -0.6 * look.margin {
        colour = vec4<f32>(look.accent.rgb, 1.0);
    }
    if look.linear > 0.5 {
        colour = vec4<f32>(linear_from_gamma(colour.rgb), colour.a);
    }
    return colour;
}
