// Goroutines that sleep, and files: what a Go program asks of its host. Built with GOOS=wasip1 GOARCH=wasm.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"time"
)

func main() {
	directory := os.Args[1]
	var group sync.WaitGroup
	var lock sync.Mutex
	var order []int
	begun := time.Now()
	for n := 3; n >= 1; n-- {
		group.Add(1)
		go func() {
			defer group.Done()
			time.Sleep(time.Duration(n) * 40 * time.Millisecond)
			lock.Lock()
			defer lock.Unlock()
			order = append(order, n)
			check(os.WriteFile(filepath.Join(directory, fmt.Sprintf("go-%d.txt", n)), []byte(fmt.Sprint(n)), 0o644))
		}()
	}
	group.Wait()
	fmt.Println("woke in order", order, "after their time:", time.Since(begun) >= 120*time.Millisecond)
	entries, err := filepath.Glob(filepath.Join(directory, "go-*.txt"))
	check(err)
	sort.Strings(entries)
	for _, entry := range entries {
		text, err := os.ReadFile(entry)
		check(err)
		fmt.Println(filepath.Base(entry), string(text))
	}
	check(os.Rename(entries[0], filepath.Join(directory, "renamed")))
	_, err = os.Stat(entries[0])
	fmt.Println("gone:", os.IsNotExist(err), "called", os.Args[0])
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
