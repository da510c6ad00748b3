// SPDX-License-Identifier: ISC
// Requests to the API server over HTTP/1.1, each connection kept.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

const (
	plain = "application/json"
	merge = "application/merge-patch+json"
)

type client struct {
	http          *http.Client
	server, token string
}

func dial(o *options) (*client, error) {
	pem, err := os.ReadFile(o.ca)
	if err != nil {
		return nil, err
	}
	token, err := os.ReadFile(o.token)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &client{
		http: &http.Client{Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{RootCAs: pool},
			MaxIdleConnsPerHost: o.inflight + 1,
			DisableCompression:  true,
			// A map that is not nil: no HTTP/2.
			TLSNextProto: map[string]func(string,
				*tls.Conn) http.RoundTripper{},
		}},
		server: o.server, token: strings.TrimSpace(string(token)),
	}, nil
}

func (c *client) send(method, path, kind string, body []byte) (
	*http.Response, error) {
	request, err := http.NewRequest(method, c.server+path,
		bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Accept", plain)
	request.Header.Set("User-Agent", "fairway-bench")
	if body != nil {
		request.Header.Set("Content-Type", kind)
	}
	return c.http.Do(request)
}

// One request whose answer does not matter, as long as it is a 2xx.
func (c *client) do(method, path, kind string, body []byte) error {
	answer, err := c.send(method, path, kind, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		why, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, why)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// The version that a watch begins with.
func (c *client) version(path string) (string, error) {
	var list struct {
		Metadata struct{ ResourceVersion string }
	}
	answer, err := c.send("GET", path+"?limit=1", plain, nil)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	err = json.NewDecoder(answer.Body).Decode(&list)
	return list.Metadata.ResourceVersion, err
}

type event struct {
	Type   string
	Object struct {
		Metadata struct{ Name, UID, ResourceVersion string }
		Status   struct {
			LoadBalancer struct{ Ingress []struct{ IP string } }
		}
	}
}

// Calls on_event for each event from now on, until the server ends it.
func (c *client) watch(path string, on_event func(*event)) error {
	answer, err := c.send("GET", path, plain, nil)
	if err != nil {
		return err
	}
	if answer.StatusCode != 200 {
		return fmt.Errorf("watch %s: %s", path, answer.Status)
	}
	go func() {
		defer answer.Body.Close()
		for decoder := json.NewDecoder(answer.Body); ; {
			var e event
			if decoder.Decode(&e) != nil {
				return
			}
			on_event(&e)
		}
	}()
	return nil
}
