// operand_f16: what a product on matrix units will read, as f16: four values to a vec2. Integers of 7 bits are f16 values, so that no
// driver has anything to round.

alias Operand = vec2<u32>;

// |v| <= 127.
fn operand(v: vec4<i32>) -> Operand {
    let f = vec4<f32>(v);
    return vec2(pack2x16float(f.xy), pack2x16float(f.zw));
}
