package ghdeploy

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// keepIn caches a body as the response to a URL, as a call does.
func keepIn(c *conditionalCache, url string, body []byte) {
	(&response{
		status: http.StatusOK, header: http.Header{"Etag": {`W/"` + url + `"`}}, body: body,
		cache: c, cacheKey: cacheKey{url: url},
	}).keep()
}

// holds returns the cached URLs from a to z. It does not change their order.
func holds(c *conditionalCache) string {
	var b strings.Builder
	for url := 'a'; url <= 'z'; url++ {
		if c.entries[cacheKey{url: string(url)}] != nil {
			b.WriteRune(url)
		}
	}
	return b.String()
}

func TestCacheEvictsTheLeastRecentlyUsed(t *testing.T) {
	body := make([]byte, 1000)
	one := (&cachedResponse{key: cacheKey{url: "a"}, etag: `W/"a"`, body: body}).size()
	c := newConditionalCache(3*one + one/2)
	step := func(what, want string) {
		t.Helper()
		if have := holds(c); have != want {
			t.Fatalf("%s: the cache holds %q, want %q", what, have, want)
		}
		if c.used.Len() != len(c.entries) || c.size > c.limit {
			t.Fatalf("%s: %d in the list, %d in the map, %d of %d bytes", what, c.used.Len(), len(c.entries), c.size, c.limit)
		}
	}
	keepIn(c, "a", body)
	keepIn(c, "b", body)
	keepIn(c, "c", body)
	step("three fit", "abc")
	c.get(cacheKey{url: "a"})
	keepIn(c, "d", body)
	step("a was used", "acd")
	keepIn(c, "c", body)
	keepIn(c, "e", body)
	step("c was replaced", "cde")
	keepIn(c, "d", make([]byte, 4*one))
	step("d became too large", "ce")
	keepIn(c, "f", make([]byte, 2*one))
	step("a large one", "ef")
	c.remove(cacheKey{url: "x"})
	c.remove(cacheKey{url: "e"})
	c.remove(cacheKey{url: "f"})
	step("all removed", "")
	if c.size != 0 {
		t.Errorf("an empty cache counts %d bytes", c.size)
	}
}

// The cache keeps a copy of a body without the rest of its buffer.
func TestCacheSize(t *testing.T) {
	c := newConditionalCache(defaultCache)
	keepIn(c, "a", make([]byte, 1000, 1<<20))
	if c.size < 1000 || c.size > 1000+cacheOverhead+200 {
		t.Errorf("1,000 bytes in a buffer of 1 MiB count %d", c.size)
	}
	r := c.get(cacheKey{url: "a"})
	if cap(r.body) > 1100 {
		t.Errorf("1,000 bytes keep a buffer of %d", cap(r.body))
	}
	buffer := []byte(`{"id":1}`)
	keepIn(c, "b", buffer)
	clear(buffer) // as the next response overwrites it
	if r := c.get(cacheKey{url: "b"}); string(r.body) != `{"id":1}` {
		t.Errorf("the cached body is %q after its buffer was reused", r.body)
	}
	for size, kept := range map[int]bool{maxCached - 2*cacheOverhead: true, maxCached: false, maxBody: false} {
		keepIn(c, "c", make([]byte, size))
		if have := c.get(cacheKey{url: "c"}) != nil; have != kept {
			t.Errorf("a response of %d bytes is kept: %t, want %t", size, have, kept)
		}
	}
	if c.size != c.measure() {
		t.Errorf("the cache counts %d bytes and holds %d", c.size, c.measure())
	}
}

func (c *conditionalCache) measure() int {
	size := 0
	for e := c.used.Front(); e != nil; e = e.Next() {
		size += responseOf(e).size()
	}
	return size
}

// The cache takes at most its limit of memory, for any content.
func TestCacheMemory(t *testing.T) {
	const limit = 8 << 20
	for name, tt := range map[string]struct {
		body, links int
		url         int
	}{
		"tiny responses":  {body: 2},
		"small responses": {body: 700},
		"pages":           {body: 300 << 10},
		"long URLs":       {body: 2, url: 900},
		"many links":      {body: 2, links: 500},
	} {
		t.Run(name, func(t *testing.T) {
			before := heapInUse()
			c := newConditionalCache(limit)
			for i := range 2*limit/(tt.body+tt.url+16*tt.links+cacheOverhead) + 10 {
				url := fmt.Sprintf("https://api.github.com/%d%s", i, strings.Repeat("x", tt.url))
				h := http.Header{"Etag": {fmt.Sprintf(`W/"%064x"`, i)}}
				for l := range tt.links {
					h["Link"] = append(h["Link"], fmt.Sprintf("<?page=%d>", l))
				}
				r := &response{status: http.StatusOK, header: h, body: make([]byte, tt.body, tt.body+tt.body/10), cache: c, cacheKey: cacheKey{url: url}}
				r.keep()
			}
			took := heapInUse() - before
			t.Logf("%d responses take %d bytes; the cache counts %d", len(c.entries), took, c.size)
			if took > limit {
				t.Errorf("the cache takes %d bytes, more than its %d", took, limit)
			}
			if c.size < limit/2 {
				t.Errorf("the cache counts %d bytes of %d: it is not full", c.size, limit)
			}
			runtime.KeepAlive(c)
		})
	}
}

func heapInUse() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// An entry can be evicted while a request with its ETag is in flight.
func TestNotModifiedAfterEviction(t *testing.T) {
	var client *Client
	first := true
	client, err := NewClient(WithHTTPClient(&http.Client{Transport: inProcess(func(r *http.Request) (*canned, error) {
		if first {
			first = false
			return reply(200, `{"id":42,"task":"deploy"}`, `ETag: "1"`), nil
		}
		if tag := r.Header.Get("If-None-Match"); tag != `"1"` {
			t.Errorf("If-None-Match: %s", tag)
		}
		keepIn(client.core.cache, "z", make([]byte, 3500))
		if client.core.cache.used.Len() != 1 {
			t.Errorf("%d entries, want the large one only", client.core.cache.used.Len())
		}
		return reply(304, ""), nil
	})}), WithConditionalCache(4700))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		d, err := client.Deployments.Get(t.Context(), "o", "r", 42)
		if err != nil || d.Task != "deploy" {
			t.Fatalf("%+v, %v", d, err)
		}
	}
}
