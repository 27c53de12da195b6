// elements_halves: the operands of linear_halves, as shared/tiles.wgsl wants them: an element is one f16, as it is in memory.

alias Raw = vec4<f16>;
alias Element = f16;
alias Quad = vec4<f16>;

fn elements(raw: Raw) -> Quad {
    return raw;
}

fn multiply_add(x: Element, w: Quad, sums: Sums) -> Sums {
    return sums + f32(x) * vec4<f32>(w);
}
