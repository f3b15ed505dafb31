package ghdeploy

import (
	"bytes"
	linked "container/list"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

const (
	// defaultCache is the size of the conditional cache in bytes.
	defaultCache = 8 << 20
	// maxCached bounds one cached response, its key and headers included.
	maxCached = 512 << 10
	// maxETag bounds an ETag. GitHub's have 68 bytes.
	maxETag = 512
	// cacheOverhead is the maximum memory of one entry beside its body and its
	// strings. A test measures it.
	cacheOverhead = 512
)

// conditionalCache keeps the bodies of GET responses with their ETags. It
// evicts the least recently used ones. Every use of an entry is confirmed by a
// 304, so a write needs to invalidate nothing.
type conditionalCache struct {
	limit int // bytes

	mu      sync.Mutex
	entries map[cacheKey]*linked.Element // of used
	used    linked.List                  // of *cachedResponse, the latest first
	size    int                          // bytes
}

// cacheKey identifies a response. The token belongs to it: GitHub's ETags
// differ for each token.
type cacheKey struct {
	url   string
	token tokenKey
}

// cachedResponse is never modified: requests in flight share it.
type cachedResponse struct {
	key  cacheKey
	etag string
	link []string // the Link headers; a 304 of GitHub has none
	body []byte
}

// newConditionalCache returns nil for a limit of 0.
func newConditionalCache(limit int) *conditionalCache {
	if limit == 0 {
		return nil
	}
	return &conditionalCache{limit: limit, entries: make(map[cacheKey]*linked.Element)}
}

func (r *cachedResponse) size() int {
	size := cacheOverhead + len(r.key.url) + len(r.etag) + cap(r.body)
	for _, link := range r.link {
		size += len(link) + 32 // the string's header and its rounding
	}
	return size
}

// get returns the entry of a key, or nil.
func (c *conditionalCache) get(key cacheKey) *cachedResponse {
	c.mu.Lock()
	defer c.mu.Unlock()
	element := c.entries[key]
	if element == nil {
		return nil
	}
	c.used.MoveToFront(element)
	return responseOf(element)
}

// put replaces the entry of a key.
func (c *conditionalCache) put(r *cachedResponse) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.evict(c.entries[r.key])
	c.entries[r.key] = c.used.PushFront(r)
	c.size += r.size()
	for c.size > c.limit {
		c.evict(c.used.Back())
	}
}

// remove removes the entry of a key.
func (c *conditionalCache) remove(key cacheKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.evict(c.entries[key])
}

func (c *conditionalCache) evict(element *linked.Element) {
	if element == nil {
		return
	}
	r := responseOf(element)
	c.used.Remove(element)
	delete(c.entries, r.key)
	c.size -= r.size()
}

func responseOf(element *linked.Element) *cachedResponse {
	return element.Value.(*cachedResponse)
}

// addCondition makes an attempt conditional if a response to the same URL and
// token is cached. The exchange keeps the entry, so it can be evicted
// meanwhile.
func (x *exchange) addCondition(r *http.Request) {
	x.condition = nil
	if x.cache == nil {
		return
	}
	if x.condition = x.cache.get(cacheKey{x.url, x.key}); x.condition != nil {
		r.Header.Set("If-None-Match", x.condition.etag)
	}
}

// errOtherETag is a 304 that does not confirm the cached response.
var errOtherETag = fmt.Errorf("%w: the 304 has another ETag than the condition", ErrMalformedResponse)

// useCache turns a 304 into the cached response. A 304 without an ETag confirms
// it. A 304 with another ETag removes the entry, so that the next attempt is
// not conditional.
func (x *exchange) useCache(r *response) {
	// GitHub returns the strong form of the weak ETag that it got.
	if etag := r.header.Get("Etag"); etag != "" && opaque(etag) != opaque(x.condition.etag) {
		x.cache.remove(x.condition.key)
		r.err = errOtherETag
		return
	}
	r.cached, r.status, r.body = true, http.StatusOK, x.condition.body
	if len(x.condition.link) > 0 && len(r.header.Values("Link")) == 0 {
		r.header = maps.Clone(r.header)
		if r.header == nil {
			r.header = make(http.Header)
		}
		r.header["Link"] = x.condition.link
	}
}

// keep caches a response whose body was decoded. A response that cannot be
// cached removes the older one.
func (r *response) keep() {
	if r.cache == nil || r.cached || r.status != http.StatusOK {
		return
	}
	if entry := r.cacheable(); entry != nil {
		r.cache.put(entry)
	} else {
		r.cache.remove(r.cacheKey)
	}
}

// cacheable returns the response as an entry, nil if it has no valid ETag, or
// if it is too large or must not be stored.
func (r *response) cacheable() *cachedResponse {
	etags := r.header.Values("Etag")
	if len(etags) != 1 || !validETag(etags[0]) || noStore(r.header) {
		return nil
	}
	entry := &cachedResponse{key: r.cacheKey, etag: etags[0], link: r.header.Values("Link"), body: slices.Clip(r.body)}
	if entry.size() > min(maxCached, r.cache.limit) {
		return nil
	}
	entry.body = bytes.Clone(r.body)  // the buffer is released
	if entry.size() > r.cache.limit { // the allocator rounds up
		return nil
	}
	// A transport's header can be a part of something larger.
	entry.etag = strings.Clone(entry.etag)
	entry.link = slices.Clone(entry.link)
	for i, link := range entry.link {
		entry.link[i] = strings.Clone(link)
	}
	return entry
}

// validETag reports whether s is one entity tag (RFC 9110, section 8.8.3).
func validETag(s string) bool {
	tag := opaque(s)
	if len(s) > maxETag || len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		return false
	}
	tag = tag[1 : len(tag)-1]
	for i := range len(tag) {
		if b := tag[i]; b <= ' ' || b == '"' || b == 0x7f {
			return false
		}
	}
	return true
}

// opaque returns an ETag without its weakness prefix.
func opaque(etag string) string { return strings.TrimPrefix(etag, "W/") }

// noStore reports whether the server forbids to store a response (RFC 9111,
// section 5.2.2.5).
func noStore(h http.Header) bool {
	return slices.ContainsFunc(h.Values("Cache-Control"), func(value string) bool {
		return strings.Contains(strings.ToLower(value), "no-store")
	})
}
