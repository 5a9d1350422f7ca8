// Go's net/http/fcgi on the Unix socket named by the first argument, with the same handlers as
// handler.ts.
package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
)

var chunk = bytes.Repeat([]byte("x"), 64*1024)

// 1 MB.
const chunks = 16

func hello(w http.ResponseWriter, _ *http.Request) {
	io.WriteString(w, "Hello, world!\n")
}

// The body as it comes.
func upload(w http.ResponseWriter, r *http.Request) {
	count, _ := io.Copy(io.Discard, r.Body)
	fmt.Fprint(w, count)
}

// The body as a whole.
func arrayBuffer(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprint(w, len(body))
}

func download(w http.ResponseWriter, _ *http.Request) {
	for i := 0; i < chunks; i++ {
		w.Write(chunk)
	}
}

func text(handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		handler(w, r)
	}
}

func main() {
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", text(hello))
	mux.HandleFunc("/upload", text(upload))
	mux.HandleFunc("/arrayBuffer", text(arrayBuffer))
	mux.HandleFunc("/download", text(download))
	log.Fatal(fcgi.Serve(listener, mux))
}
