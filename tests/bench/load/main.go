// SPDX-License-Identifier: ISC
// The cluster's side of the benchmark: makes, changes and removes Services.
//
// One step per call; what it found is JSON on standard output. It is not in
// Python because it must take less of the CPU than what it loads.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

// What the steps share.
type options struct {
	server, ca, token string
	count, first      int
	inflight          int
	rate              float64
	both              bool
	nodes             string
}

var steps = map[string]func(*client, *options) (any, error){
	"create": create, // Services and slices, as fast as the server can
	"floor":  floor,  // bare status patches and events, for comparison
	"flip":   flip,   // endpoints become unready and ready again, paced
	"remove": remove, // Services and slices are deleted, paced
	"churn":  churn,  // delete and create, paced; tells when each was seen
}

func main() {
	var o options
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	flags.StringVar(&o.server, "server", "", "https://HOST:PORT")
	flags.StringVar(&o.ca, "ca", "", "file with the server's CA")
	flags.StringVar(&o.token, "token", "", "file with a token")
	flags.IntVar(&o.count, "count", 100, "how many")
	flags.IntVar(&o.first, "first", 0, "number of the first one")
	flags.IntVar(&o.inflight, "inflight", 16, "requests under way")
	flags.Float64Var(&o.rate, "rate", 20, "per second")
	flags.BoolVar(&o.both, "both", false, "flip: both endpoints, not one")
	flags.StringVar(&o.nodes, "nodes", "n1,n2", "where endpoints are")
	if len(os.Args) < 2 || steps[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr,
			"usage: load create|floor|flip|remove|churn -server URL ...")
		os.Exit(2)
	}
	flags.Parse(os.Args[2:])
	found, err := run(steps[os.Args[1]], &o)
	if err != nil {
		fmt.Fprintf(os.Stderr, "load %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(found)
}

func run(step func(*client, *options) (any, error), o *options) (any, error) {
	c, err := dial(o)
	if err != nil {
		return nil, err
	}
	return step(c, o)
}
