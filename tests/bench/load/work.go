// SPDX-License-Identifier: ISC
// The steps: what is done to the cluster, how fast, and when it was seen.
package main

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// what(i) for each number, so many at a time; the first fault ends it.
func each(o *options, what func(i int) error) error {
	var next atomic.Int64
	var group sync.WaitGroup
	fault := make(chan error, o.inflight)
	next.Store(int64(o.first))
	for k := 0; k < o.inflight; k++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := int(next.Add(1)) - 1; i < o.first+o.count; i =
				int(next.Add(1)) - 1 {
				if err := what(i); err != nil {
					fault <- err
					next.Store(int64(o.first + o.count))
				}
			}
		}()
	}
	group.Wait()
	close(fault)
	return <-fault
}

// what(i) for each number, by the clock; late ones do not shift the others.
func paced(o *options, what func(i int) error) error {
	began := time.Now()
	for i := 0; i < o.count; i++ {
		time.Sleep(time.Until(began.Add(time.Duration(
			float64(i) / o.rate * float64(time.Second)))))
		if err := what(o.first + i); err != nil {
			return err
		}
	}
	return nil
}

// The slice first, as one is of no use without the other: what is awaited of a
// Service is not held up by it.
func make_one(c *client, o *options, name string, i int) error {
	err := c.do("POST", slices, plain, slice(name, i, o.nodes))
	if err == nil {
		err = c.do("POST", services, plain, service(name, i))
	}
	return err
}

func remove_one(c *client, name string) error {
	err := c.do("DELETE", services+"/"+name, plain, nil)
	if err == nil {
		err = c.do("DELETE", slices+"/"+name+"-1", plain, nil)
	}
	return err
}

type took struct {
	Seconds float64 `json:"seconds"`
}

func create(c *client, o *options) (any, error) {
	began := time.Now()
	err := each(o, func(i int) error { return make_one(c, o, name(i), i) })
	return took{time.Since(began).Seconds()}, err
}

// What the server itself needs for the writes that an announcer has to make.
func floor(c *client, o *options) (any, error) {
	var all struct {
		Items []struct {
			Metadata struct{ Name, UID, ResourceVersion string }
		}
	}
	answer, err := c.send("GET", services, plain, nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if err = json.NewDecoder(answer.Body).Decode(&all); err != nil {
		return nil, err
	}
	items := all.Items[:0]
	for _, item := range all.Items {
		if item.Metadata.Name != "kubernetes" {
			items = append(items, item)
		}
	}
	began := time.Now()
	whole := *o
	whole.first, whole.count = 0, len(items)
	err = each(&whole, func(i int) error {
		m := items[i].Metadata
		ip := fmt.Sprintf("198.18.%d.%d", i/256, i%256)
		err := c.do("PATCH", services+"/"+m.Name+"/status", merge,
			status(ip))
		if err != nil {
			return err
		}
		return c.do("POST", events, plain,
			happened(m.Name, m.UID, m.ResourceVersion, ip))
	})
	return took{time.Since(began).Seconds()}, err
}

// Services -first on, one after the other; then the same ones back again.
func flip(c *client, o *options) (any, error) {
	half := *o
	half.count = o.count / 2
	for _, ready := range []bool{false, true} {
		err := paced(&half, func(i int) error {
			n := name(i)
			return c.do("PATCH", slices+"/"+n+"-1", merge, encode(object{
				"endpoints": endpoints(n, i, o.nodes,
					ready || !o.both, ready)}))
		})
		if err != nil {
			return nil, err
		}
	}
	return took{float64(o.count) / o.rate}, nil
}

func remove(c *client, o *options) (any, error) {
	began := time.Now()
	err := paced(o, func(i int) error { return remove_one(c, name(i)) })
	return took{time.Since(began).Seconds()}, err
}

// One round of churn, in nanoseconds of the wall clock.
type round struct {
	Name   string `json:"name"`
	IP     string `json:"ip"`
	Posted int64  `json:"posted"` // just before the request
	Made   int64  `json:"made"`   // its answer
	Status int64  `json:"status"` // a watch has told the address; 0: never
}

type rounds struct {
	sync.Mutex
	of map[string]*round
}

func (r *rounds) on_event(e *event) {
	now := time.Now().UnixNano()
	ingress := e.Object.Status.LoadBalancer.Ingress
	r.Lock()
	defer r.Unlock()
	one := r.of[e.Object.Metadata.Name]
	if one != nil && one.Status == 0 && len(ingress) > 0 {
		one.IP, one.Status = ingress[0].IP, now
	}
}

// An old Service goes, half a period later a new one comes; its slice is there
// a moment before.
func churn(c *client, o *options) (any, error) {
	r := rounds{of: map[string]*round{}}
	version, err := c.version(services)
	if err != nil {
		return nil, err
	}
	err = c.watch(services+"?watch=1&resourceVersion="+version, r.on_event)
	if err != nil {
		return nil, err
	}
	half := time.Duration(float64(time.Second) / o.rate / 2)
	var all []*round
	err = paced(o, func(i int) error {
		began := time.Now()
		if err := remove_one(c, name(i)); err != nil {
			return err
		}
		one := &round{Name: fmt.Sprintf("new-%05d", i)}
		all = append(all, one)
		r.Lock()
		r.of[one.Name] = one
		r.Unlock()
		err := c.do("POST", slices, plain, slice(one.Name, i, o.nodes))
		if err != nil {
			return err
		}
		time.Sleep(time.Until(began.Add(half)))
		one.Posted = time.Now().UnixNano()
		err = c.do("POST", services, plain, service(one.Name, i))
		one.Made = time.Now().UnixNano()
		return err
	})
	time.Sleep(2 * time.Second)
	r.Lock()
	defer r.Unlock()
	return all, err
}
