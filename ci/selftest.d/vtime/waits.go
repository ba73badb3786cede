// Programs of another runtime in virtual time. Each way of waiting takes its
// hours on the clock; the harness measures that it takes no such time outside.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

func must(ok bool, format string, args ...interface{}) {
	if !ok {
		fmt.Fprintf(os.Stderr, format+"\n", args...)
		os.Exit(1)
	}
}

// took checks that d has passed since start, to a millisecond.
func took(start time.Time, d time.Duration, what string) {
	is := time.Since(start)
	must(is >= d && is < d+time.Millisecond, "%s took %v, not %v", what, is, d)
}

func tickers() {
	start := time.Now()
	fast, slow := time.NewTicker(7*time.Minute), time.NewTicker(3*time.Hour)
	nFast, nSlow := 0, 0
	for nSlow < 24 {
		select {
		case <-fast.C:
			nFast++
			took(start, time.Duration(nFast)*7*time.Minute, "a fast tick")
		case <-slow.C:
			nSlow++
			took(start, time.Duration(nSlow)*3*time.Hour, "a slow tick")
		}
	}
	must(nFast == 72*60/7, "%d fast ticks", nFast)
}

func contexts() {
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	defer cancel()
	<-ctx.Done()
	must(errors.Is(ctx.Err(), context.DeadlineExceeded), "%v", ctx.Err())
	took(start, 30*time.Minute, "a context")
}

// deadlines: a peer that never answers, and one that answers late but in time.
func deadlines() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err == nil, "%v", err)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				b := make([]byte, 1)
				for {
					if _, err := c.Read(b); err != nil {
						return
					}
					if b[0] == 'a' {
						time.Sleep(59 * time.Second)
						c.Write(b)
					}
				}
			}()
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	must(err == nil, "%v", err)
	b := make([]byte, 1)
	for i := 0; i < 60; i++ {
		start := time.Now()
		c.SetDeadline(start.Add(time.Minute))
		c.Write([]byte("a"))
		_, err = c.Read(b)
		must(err == nil, "a false time-out: %v", err)
		took(start, 59*time.Second, "an answer")
	}
	start := time.Now()
	c.SetDeadline(start.Add(time.Hour))
	c.Write([]byte("n"))
	_, err = c.Read(b)
	must(errors.Is(err, os.ErrDeadlineExceeded), "%v", err)
	took(start, time.Hour, "a deadline of a socket")
}

func httpTimeout() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err == nil, "%v", err)
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			time.Sleep(29 * time.Second)
		} else {
			<-r.Context().Done()
		}
	}))
	client := http.Client{Timeout: 30 * time.Second}
	start := time.Now()
	_, err = client.Get("http://" + l.Addr().String() + "/late")
	must(err == nil, "a false time-out: %v", err)
	took(start, 29*time.Second, "a late answer")
	start = time.Now()
	_, err = client.Get("http://" + l.Addr().String() + "/never")
	must(err != nil && err.(interface{ Timeout() bool }).Timeout(), "%v", err)
	took(start, 30*time.Second, "no answer")
}

func goroutines() {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var order []int
	start := time.Now()
	for i := 0; i < 200; i++ {
		n := 1 + i*37%200
		wg.Add(1)
		go func() {
			defer wg.Done()
			time.Sleep(time.Duration(n) * time.Second)
			mu.Lock()
			order = append(order, n)
			mu.Unlock()
		}()
	}
	wg.Wait()
	for i, n := range order {
		must(n == i+1, "number %d came as %d", n, i+1)
	}
	took(start, 200*time.Second, "the last")
}

func children() {
	start := time.Now()
	out, err := exec.Command("sh", "-c", "sleep 3600; echo done").Output()
	must(err == nil && string(out) == "done\n", "%v %s", err, out)
	took(start, time.Hour, "a child")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	start = time.Now()
	must(exec.CommandContext(ctx, "sleep", "3600").Run() != nil, "it was not killed")
	took(start, time.Minute, "a child that is killed")
}

func signals() {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGUSR1)
	start := time.Now()
	time.AfterFunc(10*time.Minute, func() { syscall.Kill(os.Getpid(), syscall.SIGUSR1) })
	select {
	case <-ch:
		took(start, 10*time.Minute, "a signal")
	case <-time.After(time.Hour):
		must(false, "the signal did not come")
	}
}

// work: processors are busy for a while; no limit passes meanwhile.
func work() {
	start := time.Now()
	late := time.AfterFunc(time.Second, func() { must(false, "a limit passed while there was work") })
	var wg sync.WaitGroup
	for i := 0; i < 4; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			x := 1
			for n := 0; n < 20_000_000; n++ {
				x = x*1103515245 + 12345
			}
			must(x != 0, "never")
		}()
	}
	wg.Wait()
	took(start, 0, "work")
	must(late.Stop(), "the limit had passed")
}

func main() {
	all := map[string]func(){"tickers": tickers, "contexts": contexts, "deadlines": deadlines,
		"http": httpTimeout, "goroutines": goroutines, "children": children, "signals": signals,
		"work": work}
	f := all[os.Args[1]]
	must(f != nil, "no such program: %s", os.Args[1])
	f()
}
