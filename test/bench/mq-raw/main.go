// Puts values into etcd from many goroutines and prints how many a second were acknowledged: the rival of the queue.
// Usage: mq-raw <endpoint> <clients> <seconds> <value bytes>
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func main() {
	number := func(index int) int {
		value, err := strconv.Atoi(os.Args[index])
		if err != nil {
			panic(err)
		}
		return value
	}
	clients, seconds, size := number(2), number(3), number(4)
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{os.Args[1]}, DialTimeout: 5 * time.Second})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	value := strings.Repeat("x", size)
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds)*time.Second)
	defer cancel()
	var done atomic.Int64
	var group sync.WaitGroup
	began := time.Now()
	for each := 0; each < clients; each++ {
		group.Add(1)
		go func(each int) {
			defer group.Done()
			for number := 0; ctx.Err() == nil; number++ {
				if _, err := client.Put(ctx, fmt.Sprintf("/raw/%d/%d", each, number), value); err == nil {
					done.Add(1)
				}
			}
		}(each)
	}
	group.Wait()
	fmt.Printf("%.0f\n", float64(done.Load())/time.Since(began).Seconds())
}
