// Go's net/http/fcgi on the Unix socket named by the first argument, with a route for each thing
// that a test looks at.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
)

func hash(r io.Reader) string {
	sum := sha256.New()
	length, _ := io.Copy(sum, r)
	return fmt.Sprintf("%d bytes, %x", length, sum.Sum(nil))
}

func main() {
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/echo/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s %s\n", r.Method, r.Host, r.URL, r.Header.Get("X-Test"))
	})
	mux.HandleFunc("/hash", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, hash(r.Body))
	})
	mux.HandleFunc("/form", func(w http.ResponseWriter, r *http.Request) {
		file, header, err := r.FormFile("file")
		if err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		fmt.Fprintf(w, "%s, %s, %s", r.FormValue("text"), header.Filename, hash(file))
	})
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/echo/", 303)
	})
	mux.HandleFunc("/cookies", func(w http.ResponseWriter, r *http.Request) {
		for i := 1; i <= 3; i++ {
			http.SetCookie(w, &http.Cookie{Name: fmt.Sprint("c", i), Value: fmt.Sprint(i)})
		}
		fmt.Fprint(w, "set")
	})
	mux.HandleFunc("/download", func(w http.ResponseWriter, r *http.Request) {
		part := make([]byte, 65536)
		for i := 0; i < 800; i++ {
			for j := range part {
				part[j] = byte(i + j*7)
			}
			w.Write(part)
		}
	})
	log.Fatal(fcgi.Serve(listener, mux))
}
