// The gallery's band-pass preview: a difference of two Gaussians for every patch whose band has changed,
// and the percentiles of what it leaves. Not run in every frame: the grid is drawn from the result.
//
// Gaussians are separable. `rows` convolves the values of a page along x with both at once, `columns`
// convolves that along y and takes the wide one from the narrow one; each draws one rectangle a patch, at
// the place that the patch has on its page, so no texel of a neighbour is touched. `ends` finds, with one
// workgroup a patch, the values at two ranks.
//
// The weights come from app/src/gpu/band.rs, which derives them; a patch goes on mirrored beyond its edges.
// Included by app/src/gpu/band_pass.rs; the structs here and there have the same fields in the same order.

struct Pass {
    // Side of a patch on its page and of the page, texels.
    cell: u32,
    page: u32,
    // Ranks of the two ends, 0 for the least value.
    low: u32,
    high: u32,
};

// A patch to be filtered.
struct Patch {
    // Upper left corner on its page, texels.
    x: u32,
    y: u32,
    page: u32,
    slot: u32,
    // Its weights: the first, and how many follow.
    first: u32,
    reach: u32,
};

@group(0) @binding(0) var<uniform> sizes: Pass;
// For `rows` the pages with the values as read, for `columns` what `rows` made, for `ends` what
// `columns` made.
@group(0) @binding(1) var source: texture_2d_array<f32>;
// Of the narrow and of the wide Gaussian, from the middle outwards.
@group(0) @binding(2) var<storage, read> weights: array<vec2<f32>>;

struct Corner {
    @builtin(position) position: vec4<f32>,
    @location(0) @interpolate(flat) origin: vec2<i32>,
    @location(1) @interpolate(flat) page: i32,
    @location(2) @interpolate(flat) first: i32,
    @location(3) @interpolate(flat) reach: i32,
};

@vertex
fn corner(
    @builtin(vertex_index) index: u32,
    @location(0) place: vec4<u32>,
    @location(1) kernel: vec2<u32>,
) -> Corner {
    // 0 1 2, 2 1 3
    let strip = array<u32, 6>(0u, 1u, 2u, 2u, 1u, 3u);
    let which = strip[index];
    let unit = vec2<f32>(f32(which & 1u), f32(which >> 1u));
    let at = (vec2<f32>(place.xy) + unit * f32(sizes.cell)) / f32(sizes.page);
    var out: Corner;
    out.position = vec4<f32>(2.0 * at.x - 1.0, 1.0 - 2.0 * at.y, 0.0, 1.0);
    out.origin = vec2<i32>(place.xy);
    out.page = i32(place.z);
    out.first = i32(kernel.x);
    out.reach = i32(kernel.y);
    return out;
}

// A place beyond the edge, mirrored: -1 is 0, n is n - 1. No weight reaches farther than one side.
fn mirrored(at: i32, n: i32) -> i32 {
    let up = select(at, -1 - at, at < 0);
    return select(up, 2 * n - 1 - up, up >= n);
}

@fragment
fn rows(in: Corner) -> @location(0) vec4<f32> {
    let n = i32(sizes.cell);
    let at = vec2<i32>(in.position.xy);
    let x = at.x - in.origin.x;
    var sum = weights[in.first] * textureLoad(source, at, in.page, 0).r;
    for (var d = 1; d <= in.reach; d++) {
        let left = vec2<i32>(in.origin.x + mirrored(x - d, n), at.y);
        let right = vec2<i32>(in.origin.x + mirrored(x + d, n), at.y);
        let both = textureLoad(source, left, in.page, 0).r + textureLoad(source, right, in.page, 0).r;
        sum += weights[in.first + d] * both;
    }
    return vec4<f32>(sum, 0.0, 0.0);
}

@fragment
fn columns(in: Corner) -> @location(0) vec4<f32> {
    let n = i32(sizes.cell);
    let at = vec2<i32>(in.position.xy);
    let y = at.y - in.origin.y;
    var sum = weights[in.first] * textureLoad(source, at, 0, 0).rg;
    for (var d = 1; d <= in.reach; d++) {
        let above = vec2<i32>(at.x, in.origin.y + mirrored(y - d, n));
        let below = vec2<i32>(at.x, in.origin.y + mirrored(y + d, n));
        let both = textureLoad(source, above, 0, 0).rg + textureLoad(source, below, 0, 0).rg;
        sum += weights[in.first + d] * both;
    }
    return vec4<f32>(sum.x - sum.y, 0.0, 0.0, 0.0);
}

@group(0) @binding(3) var<storage, read> patches: array<Patch>;
// Least and greatest value shown, at the place of the slot.
@group(0) @binding(4) var found: texture_storage_2d<rg32float, write>;

const WORKERS: u32 = 256u;

// Counts by the upper byte of a value; then by the lower byte of those that share the upper byte of the
// one end and, in the second half, of the other.
var<workgroup> counts: array<atomic<u32>, 512>;
// The upper bytes of the two ends, and their ranks among the values that share them.
var<workgroup> upper: vec2<u32>;
var<workgroup> rank: vec2<u32>;

// The 16 bits of a value, so turned that a greater value has a greater number.
fn key(patch_: Patch, index: u32) -> u32 {
    let at = vec2<u32>(patch_.x + index % sizes.cell, patch_.y + index / sizes.cell);
    let value = textureLoad(source, at, patch_.page, 0).r;
    let bits = pack2x16float(vec2<f32>(value, 0.0)) & 0xffffu;
    return select(bits | 0x8000u, ~bits & 0xffffu, (bits & 0x8000u) != 0u);
}

fn value(key: u32) -> f32 {
    let bits = select(~key & 0xffffu, key & 0x7fffu, (key & 0x8000u) != 0u);
    return unpack2x16float(bits).x;
}

// The place among the 256 counts from `first` at which `sought` is reached, and what is left of it there.
fn reached(first: u32, sought: u32) -> vec2<u32> {
    var left = sought;
    for (var at = 0u; at < 255u; at++) {
        let here = atomicLoad(&counts[first + at]);
        if left < here {
            return vec2<u32>(at, left);
        }
        left -= here;
    }
    return vec2<u32>(255u, left);
}

@compute @workgroup_size(256)
fn ends(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) worker: u32) {
    let mine = patches[group.x];
    let all = sizes.cell * sizes.cell;
    atomicStore(&counts[worker], 0u);
    atomicStore(&counts[WORKERS + worker], 0u);
    workgroupBarrier();
    for (var at = worker; at < all; at += WORKERS) {
        atomicAdd(&counts[key(mine, at) >> 8u], 1u);
    }
    workgroupBarrier();
    if worker == 0u {
        let low = reached(0u, sizes.low);
        let high = reached(0u, sizes.high);
        upper = vec2<u32>(low.x, high.x);
        rank = vec2<u32>(low.y, high.y);
    }
    workgroupBarrier();
    atomicStore(&counts[worker], 0u);
    workgroupBarrier();
    let wanted = upper;
    for (var at = worker; at < all; at += WORKERS) {
        let one = key(mine, at);
        if one >> 8u == wanted.x {
            atomicAdd(&counts[one & 255u], 1u);
        }
        if one >> 8u == wanted.y {
            atomicAdd(&counts[WORKERS + (one & 255u)], 1u);
        }
    }
    workgroupBarrier();
    if worker == 0u {
        let low = value((wanted.x << 8u) | reached(0u, rank.x).x);
        let high = value((wanted.y << 8u) | reached(WORKERS, rank.y).x);
        let at = vec2<u32>(mine.slot % 1024u, mine.slot / 1024u);
        textureStore(found, at, vec4<f32>(low, high, 0.0, 0.0));
    }
}
