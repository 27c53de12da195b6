// Prints network_ours.json: a second implementation of our own rules, written from SPEC Part III alone.
//
//	go run tests/vectors/network_ours.go > tests/vectors/network_ours.json
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"sort"
)

type object = map[string]interface{}

// A key's ChaCha20 stream 0 (II.3) as little-endian 64-bit words: 20 rounds, a 64-bit block counter.
func chacha(key [32]byte) func() uint64 {
	var words []uint32
	block := uint32(0)
	return func() uint64 {
		if len(words) == 0 {
			state := [16]uint32{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}
			for i := 0; i < 8; i++ {
				state[4+i] = binary.LittleEndian.Uint32(key[4*i:])
			}
			state[12] = block
			mixed := state
			quarter := func(a, b, c, d int) {
				step := func(x, y, z, turn int) {
					mixed[x] += mixed[y]
					mixed[z] = bits.RotateLeft32(mixed[z]^mixed[x], turn)
				}
				step(a, b, d, 16)
				step(c, d, b, 12)
				step(a, b, d, 8)
				step(c, d, b, 7)
			}
			for round := 0; round < 10; round++ {
				for i := 0; i < 4; i++ {
					quarter(i, 4+i, 8+i, 12+i)
				}
				for i := 0; i < 4; i++ {
					quarter(i, 4+(i+1)%4, 8+(i+2)%4, 12+(i+3)%4)
				}
			}
			for i, word := range mixed {
				words = append(words, word+state[i])
			}
			block++
		}
		word := uint64(words[0]) | uint64(words[1])<<32
		words = words[2:]
		return word
	}
}

// III.7: our draw.
func draws() []object {
	cases := []object{}
	sizes := [][2]uint64{{0, 5}, {1, 1}, {5, 9}, {10, 3}, {1000, 200}, {1000000, 40}, {3 << 62, 60}, {math.MaxUint64, 30}}
	for i, pair := range sizes {
		count, size := pair[0], pair[1]
		root, value := sha256.Sum256([]byte{byte(i), 0}), sha256.Sum256([]byte{byte(i), 1})
		committed, revealed := uint64(365+i), uint64(366+3*i)
		validator, participant := fmt.Sprintf("02validator%d", i), fmt.Sprintf("03participant%d", i)
		message := []byte("sphere-pow sample 1")
		le64 := func(value uint64) []byte { return binary.LittleEndian.AppendUint64(nil, value) }
		for _, field := range [][]byte{root[:], le64(count), le64(committed), value[:], le64(revealed),
			[]byte(validator), []byte(participant)} {
			message = binary.LittleEndian.AppendUint32(message, uint32(len(field)))
			message = append(message, field...)
		}
		word := chacha(sha256.Sum256(message))
		if size > count {
			size = count
		}
		// 2^64 as a big number, for the last whole multiple.
		range64 := new(big.Int).Lsh(big.NewInt(1), 64)
		below := func(n *big.Int) uint64 {
			usable := new(big.Int).Sub(range64, new(big.Int).Mod(range64, n))
			for {
				drawn := new(big.Int).SetUint64(word())
				if drawn.Cmp(usable) < 0 {
					return new(big.Int).Mod(drawn, n).Uint64()
				}
			}
		}
		taken := map[uint64]bool{}
		for j := count - size; j < count; j++ {
			place := below(new(big.Int).Add(new(big.Int).SetUint64(j), big.NewInt(1)))
			if taken[place] {
				place = j
			}
			taken[place] = true
		}
		places := []uint64{}
		for place := range taken {
			places = append(places, place)
		}
		sort.Slice(places, func(a, b int) bool { return places[a] < places[b] })
		texts := []string{}
		for _, place := range places {
			texts = append(texts, fmt.Sprint(place))
		}
		cases = append(cases, object{"root": fmt.Sprintf("%x", root), "count": fmt.Sprint(count), "committed": committed,
			"value": fmt.Sprintf("%x", value), "revealed": revealed, "validator": validator,
			"participant": participant, "size": pair[1], "places": texts})
	}
	return cases
}

// III.10: what an epoch mints.
func emissions() []object {
	cases := []object{}
	million := big.NewInt(1000000)
	// ln 2, and with it what 100 bits need.
	ln2, _ := new(big.Float).SetPrec(240).SetString("0.693147180559945309417232121458176568075500134360255254120680009493")
	ln2Scaled, _ := ln2.SetMantExp(ln2, 100).Int(nil)
	for _, initial := range []string{"285000", "323000000000000", "18446744073709551615"} {
		for _, epoch := range []int64{0, 1, 2, 3, 100, 1459, 1460, 20000, 40000, 92800, 94736, 94737, 1 << 40} {
			reward := big.NewInt(0)
			exponent := new(big.Int).Mul(big.NewInt(epoch), big.NewInt(475))
			if exponent.Cmp(big.NewInt(45000000)) < 0 {
				x := new(big.Int).Lsh(exponent, 100)
				x.Div(x, million)
				halvings, rest := new(big.Int).DivMod(x, ln2Scaled, new(big.Int))
				rest.Rsh(rest, 37)
				sum, term := new(big.Int).Lsh(big.NewInt(1), 63), new(big.Int).Lsh(big.NewInt(1), 63)
				for i := int64(1); term.Sign() > 0; i++ {
					term.Rsh(term.Mul(term, rest), 63)
					term.Div(term, big.NewInt(i))
					if i%2 == 1 {
						sum.Sub(sum, term)
					} else {
						sum.Add(sum, term)
					}
				}
				start, _ := new(big.Int).SetString(initial, 10)
				reward.Rsh(sum.Mul(sum, start), uint(63+halvings.Int64()))
			}
			cases = append(cases, object{"initial": initial, "epoch": fmt.Sprint(epoch), "reward": reward.String()})
		}
	}
	return cases
}

// III.11: the success rate of a threshold.
func rate(vocab, threshold int64) *big.Int {
	one := func(bits uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), bits) }
	factor, u := big.NewInt(45873289113781269), int64(2)
	if vocab%2 == 1 {
		factor, u = one(56), 3
	}
	for ; u < vocab; u += 2 {
		factor.Mul(factor, big.NewInt(u))
		factor.Div(factor, big.NewInt(u-1))
	}
	base := new(big.Int).Sub(one(32), big.NewInt(threshold))
	base.Sqrt(base.Lsh(base, 92))
	power := one(62)
	for bits := vocab - 1; bits > 0; bits /= 2 {
		if bits%2 == 1 {
			power.Rsh(power.Mul(power, base), 62)
		}
		base.Rsh(base.Mul(base, base), 62)
	}
	if power.Cmp(one(41)) < 0 {
		return big.NewInt(0)
	}
	inside := new(big.Int).Lsh(big.NewInt(threshold), 88)
	inside.Sqrt(inside)
	inside.Rsh(inside.Mul(inside, factor), 56)
	inside.Rsh(inside.Mul(inside, power), 62)
	sum, term := one(60), one(60)
	for i := int64(0); term.Sign() > 0; i++ {
		term.Mul(term, new(big.Int).Mul(big.NewInt(threshold), big.NewInt(vocab+2*i)))
		term.Div(term.Rsh(term, 32), big.NewInt(3+2*i))
		sum.Add(sum, term)
	}
	inside.Rsh(inside.Mul(inside, sum), 60)
	if inside.Cmp(one(60)) > 0 {
		inside = one(60)
	}
	return inside.Lsh(inside.Sub(one(60), inside), 3)
}

func rates() []object {
	cases := []object{}
	for _, vocab := range []int64{16, 17, 255, 256, 1024, 4096, 8192, 8196, 65536, 1 << 20} {
		for _, zSquared := range []float64{0, 1e-5, 0.5, 1, 2.35, 4.64, 9.5, 14, 20, 22.5, 27, 40} {
			threshold := int64(math.Min(zSquared/float64(vocab), 1) * (1<<32 - 1))
			cases = append(cases, object{"vocab": vocab, "threshold": threshold, "rate": rate(vocab, threshold).String()})
		}
	}
	return cases
}

// III.11: one step.
func steps() []object {
	cases := []object{}
	least, most := new(big.Int).Lsh(big.NewInt(1), 44), new(big.Int).Lsh(big.NewInt(1), 62)
	add := func(vocab, threshold int64, wins, duration, goalWins, goalDuration uint64) {
		product := func(a, b uint64) *big.Int {
			return new(big.Int).Mul(new(big.Int).SetUint64(a), new(big.Int).SetUint64(b))
		}
		a, b := product(goalWins, duration), product(wins, goalDuration)
		for a.BitLen() > 62 || b.BitLen() > 62 {
			a.Rsh(a, 1)
			b.Rsh(b, 1)
		}
		next := rate(vocab, threshold)
		twice := func(x *big.Int) *big.Int { return new(big.Int).Lsh(x, 1) }
		if a.Cmp(twice(b)) >= 0 {
			next = twice(next)
		} else if twice(a).Cmp(b) <= 0 {
			next.Rsh(next, 1)
		} else {
			next.Div(next.Mul(next, a), b)
		}
		if next.Cmp(least) < 0 {
			next = least
		} else if next.Cmp(most) > 0 {
			next = most
		}
		found := int64(sort.Search(1<<32-1, func(i int) bool { return rate(vocab, int64(i)).Cmp(next) <= 0 }))
		if rate(vocab, found).Cmp(least) < 0 {
			found--
		}
		cases = append(cases, object{"vocab": vocab, "threshold": threshold, "wins": fmt.Sprint(wins),
			"duration": fmt.Sprint(duration), "goal_wins": fmt.Sprint(goalWins),
			"goal_duration": fmt.Sprint(goalDuration), "next": found})
	}
	add(256, 39535115, 10000, 324000, 10000, 324000)
	add(256, 39535115, 10001, 324000, 10000, 324000)
	add(1024, 19442515, 5000, 324000, 10000, 324000)
	add(1024, 19442515, 5001, 324000, 10000, 324000)
	add(1024, 19442515, 20000, 324000, 10000, 324000)
	add(4096, 4863555, 0, 1, 1, math.MaxUint64)
	add(4096, 4863555, math.MaxUint64, 1, 1, math.MaxUint64)
	add(8196, 1407540, math.MaxUint64, math.MaxUint64-1, math.MaxUint64-2, math.MaxUint64)
	add(8196, 1407540, 7, 1000, 3, 500)
	add(17, 3000000000, 3, 1, 2, 1)
	return cases
}

func main() {
	lists := []struct {
		name  string
		cases []object
	}{{"draws", draws()}, {"emissions", emissions()}, {"rates", rates()}, {"steps", steps()}}
	fmt.Print("{\n\"_comment\": \"printed by network_ours.go; numbers that may pass 2^53 as text\"")
	for _, list := range lists {
		fmt.Printf(",\n%q: [", list.name)
		for i, item := range list.cases {
			line, err := json.Marshal(item)
			if err != nil {
				panic(err)
			}
			if i > 0 {
				fmt.Print(",")
			}
			fmt.Printf("\n %s", line)
		}
		fmt.Print("\n]")
	}
	fmt.Println("\n}")
}
