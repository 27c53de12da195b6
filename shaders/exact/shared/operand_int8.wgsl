// operand_int8: what a product will read, as int8: four values to a u32.

alias Operand = u32;

// |v| <= 127.
fn operand(v: vec4<i32>) -> Operand {
    return pack4xI8(v);
}
