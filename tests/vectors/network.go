// Prints network.json: what Go's own math/rand, math and the chain's decimal library answer (SPEC Part III).
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run tests/vectors/network.go > tests/vectors/network.json
//
// Needs Debian's golang-go and golang-github-shopspring-decimal-dev. The formulas are written here from SPEC alone.
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand"
	"sort"
	"strings"

	"github.com/shopspring/decimal"
)

type object = map[string]interface{}

func text(value int64) string { return fmt.Sprint(value) }

// III.7: the generator, its bounded draws and its permutation.
func generators() []object {
	cases := []object{}
	seeds := []int64{0, 1, -1, 42, 2147483646, 2147483647, 2147483648, -2147483647, math.MaxInt64, math.MinInt64}
	bounds := []int64{1, 2, 3, 10, 1 << 20, 1<<31 - 1, 1 << 31, 1<<31 + 1, 3 << 61, math.MaxInt64}
	for _, seed := range seeds {
		words, bounded := []string{}, []string{}
		generator := rand.New(rand.NewSource(seed))
		for i := 0; i < 3; i++ {
			words = append(words, fmt.Sprint(generator.Uint64()))
		}
		// Past one whole turn of the state.
		for i := 0; i < 700; i++ {
			generator.Uint64()
		}
		words = append(words, fmt.Sprint(generator.Uint64()))
		for _, bound := range bounds {
			bounded = append(bounded, text(int64(generator.Intn(int(bound)))))
		}
		perms := [][]int{}
		for _, n := range []int{0, 1, 2, 13} {
			perms = append(perms, generator.Perm(n))
		}
		cases = append(cases, object{"seed": text(seed), "words": words, "bounded": bounded, "perms": perms})
	}
	return cases
}

// III.7: a validator's sample.
func samples() []object {
	cases := []object{}
	for i, n := range []int{1, 199, 200, 201, 1000, 20000, 300000} {
		key := strings.Repeat(fmt.Sprintf("0%d", i+2), 33)
		hash := strings.ToUpper(fmt.Sprintf("%x", sha256.Sum256([]byte{byte(i)})))
		height := int64(300 + 17280*i)
		sum := sha256.Sum256([]byte(fmt.Sprintf("%s:%s:%d", key, hash, height)))
		seed := int64(binary.BigEndian.Uint64(sum[:8]))
		places := []int{}
		if n <= 200 {
			for place := 0; place < n; place++ {
				places = append(places, place)
			}
		} else {
			places = rand.New(rand.NewSource(seed)).Perm(n)[:200]
		}
		digest := sha256.New()
		for _, place := range places {
			binary.Write(digest, binary.LittleEndian, uint32(place))
		}
		first := places
		if len(first) > 8 {
			first = first[:8]
		}
		cases = append(cases, object{"validator": key, "block_hash": hash, "height": height, "n": n,
			"seed": text(seed), "first": first, "count": len(places), "sha256": fmt.Sprintf("%x", digest.Sum(nil))})
	}
	return cases
}

var one = decimal.NewFromInt(1)

func number(text string) decimal.Decimal {
	value, err := decimal.NewFromString(text)
	if err != nil {
		panic(err)
	}
	return value
}

// III.9: reputation.
func reputations() []object {
	cases := []object{}
	add := func(epochs, max int64, cutoff string, missed ...string) {
		cost, share := decimal.Zero, one.Div(decimal.NewFromInt(max))
		for _, miss := range missed {
			if number(miss).GreaterThan(number(cutoff)) {
				cost = cost.Add(number(miss).Mul(share))
			}
		}
		counted := decimal.NewFromInt(epochs).Sub(cost.Mul(decimal.NewFromInt(max)))
		reputation := int64(0)
		if counted.GreaterThan(decimal.NewFromInt(max)) {
			reputation = 100
		} else if counted.GreaterThan(decimal.Zero) {
			reputation = counted.Div(decimal.NewFromInt(max)).Truncate(2).Mul(decimal.NewFromInt(100)).IntPart()
		}
		cases = append(cases, object{"epochs": epochs, "epochs_to_max": max, "miss_cutoff": cutoff,
			"missed": missed, "reputation": reputation})
	}
	for _, epochs := range []int64{0, 1, 10, 15, 20, 29, 30, 31, 1000} {
		add(epochs, 30, "0.01", []string{}...)
	}
	add(10, 10, "0.1", "0.5")
	add(10, 10, "0.1", "0.25", "0.5", "0.5", "0.5", "0.75", "0.5")
	add(10, 10, "0.1", "0.1")
	add(30, 30, "0.01", "0.01", "0.011")
	add(1, 30, "0.01", "0.5", "0.5")
	add(1, 30, "0.01", "0.5", "0.49")
	// Whole hundredths in exact numbers; the rounded 1/E_max may take one away.
	for _, max := range []int64{3, 6, 7, 9, 11, 13, 30, 70} {
		for _, halves := range []int{1, 7, 20, 50, 139} {
			missed := []string{}
			for i := 0; i < halves; i++ {
				missed = append(missed, "0.5")
			}
			add(max, max, "0.01", missed...)
		}
	}
	return cases
}

// III.9: the least average of checks, for the network's parameters.
func average(requests int64) decimal.Decimal {
	const full, least = int64(10000), int64(100)
	ratio := func(a, b int64) decimal.Decimal { return decimal.NewFromInt(a).Div(decimal.NewFromInt(b)) }
	switch {
	case requests >= full:
		return number("0.01")
	case requests >= full/2:
		return number("0.04").Mul(ratio(full-requests, full/2)).Add(number("0.01"))
	case requests > least:
		return number("0.95").Mul(ratio(full/2-requests, full/2-least)).Add(number("0.05"))
	}
	return one
}

func averages() []object {
	cases := []object{}
	for _, requests := range []int64{0, 99, 100, 101, 102, 1000, 2550, 3333, 3775, 4999, 5000, 5001, 6250, 7500, 9999, 10000, 10001} {
		cases = append(cases, object{"requests": requests, "average": average(requests).String()})
	}
	return cases
}

// III.9: who checks a request.
func duties() []object {
	cases := []object{}
	most := decimal.NewFromBigInt(new(big.Int).SetUint64(math.MaxUint64), 0)
	add := func(seed int64, id string, total, validator, executor, reputation, requests int64) {
		sum := sha256.Sum256([]byte(fmt.Sprintf("%d:%s", seed, id)))
		word := new(big.Int).SetUint64(binary.BigEndian.Uint64(sum[:8]))
		draw := decimal.NewFromBigInt(word, 0).Div(most)
		share := decimal.Zero
		if total > executor {
			wanted := one.Sub(one.Sub(average(requests)).Mul(decimal.New(reputation, -2)))
			share = wanted.Mul(decimal.NewFromInt(validator)).Div(decimal.NewFromInt(total - executor))
			if share.GreaterThan(one) {
				share = one
			}
		}
		cases = append(cases, object{"seed": text(seed), "id": id, "total": total, "validator": validator,
			"executor": executor, "reputation": reputation, "requests": requests, "draw": draw.String(),
			"probability": share.String(), "due": draw.LessThan(share)})
	}
	add(12345, "inference-1", 100, 50, 10, 0, 10000)
	add(-12345, "inference-4", 200, 30, 20, 100, 10000)
	add(0, "", 300, 100, 50, 50, 7777)
	add(math.MinInt64, "inference-5", 150, 50, 50, 99, 4321)
	add(math.MaxInt64, "inference-6", 100, 50, 100, 0, 0)
	add(7, "inference-7", 50, 25, 100, 0, 0)
	add(8, "inference-8", 100, 90, 50, 0, 100)
	add(8, "inference-8", 51, 1, 50, 100, 100)
	add(9, "inference-9", 4294967295, 4294967294, 1, 37, 3333)
	generator := rand.New(rand.NewSource(15))
	for i := 0; i < 60; i++ {
		total := generator.Int63n(1<<32-2) + 2
		add(generator.Int63(), fmt.Sprintf("random-%d", i), total, generator.Int63n(total)+1,
			generator.Int63n(total), generator.Int63n(101), generator.Int63n(11000))
	}
	return cases
}

// III.6: the cap as the reference has it, in float64.
func caps() []object {
	cases := []object{}
	add := func(percent int64, powers ...int64) {
		limit, _ := decimal.New(percent, -2).Float64()
		if len(powers) < 4 {
			limit = math.Max(limit, []float64{1, 1, 0.5, 0.4}[len(powers)])
		}
		sorted := append([]int64{}, powers...)
		sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
		cap, before := int64(-1), int64(0)
		for k, power := range sorted {
			left := int64(len(sorted) - k)
			if float64(power) > limit*float64(before+power*left) {
				cap = int64(limit * float64(before) / (1 - limit*float64(left)))
				break
			}
			before += power
		}
		cases = append(cases, object{"percent": percent, "powers": powers, "cap": cap})
	}
	add(30, 1000, 2000, 4000, 8000)
	add(30, 1000, 2000, 7000)
	add(25, 10, 90)
	add(25, 10, 20, 30, 1000)
	add(25, 2500, 2500, 2500, 2500)
	generator := rand.New(rand.NewSource(7))
	for i := 0; i < 80; i++ {
		percent := []int64{25, 25, 30, 10}[i%4]
		n := []int{3, 8, 5, 25}[i/4%4]
		if percent == 10 {
			n = 25
		}
		powers := []int64{}
		for j := 0; j < n; j++ {
			powers = append(powers, int64(math.Exp(generator.Float64()*14))+1)
		}
		add(percent, powers...)
	}
	return cases
}

// III.10: the epoch's emission as the reference has it, through a float64 power.
func emissions() []object {
	cases := []object{}
	for _, initial := range []int64{285000, 323000000000000} {
		for _, epoch := range []int64{0, 1, 2, 10, 100, 365, 1000, 1459, 5000, 20000, 30000} {
			exponent, _ := number("-0.000475").Mul(decimal.NewFromInt(epoch)).Float64()
			reward := decimal.NewFromInt(initial).Mul(decimal.NewFromFloat(math.Exp(exponent))).IntPart()
			cases = append(cases, object{"initial": text(initial), "epoch": epoch, "reward": text(reward)})
		}
	}
	return cases
}

func main() {
	lists := []struct {
		name  string
		cases []object
	}{
		{"generators", generators()}, {"samples", samples()}, {"reputations", reputations()},
		{"averages", averages()}, {"duties", duties()}, {"caps", caps()}, {"emissions", emissions()},
	}
	fmt.Print("{\n\"_comment\": \"printed by network.go; numbers that may pass 2^53 as text; ",
		"sha256 over places as little-endian u32\"")
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
