// SPDX-License-Identifier: ISC
// The load tool of the benchmark: the standard library alone.
module fairway/tests/bench/load

go 1.21
