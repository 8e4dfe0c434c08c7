// s3stub serves one bucket from memory over S3's REST protocol, cheaply enough that a benchmark
// measures the client. net/http parses requests but does not serve them: one goroutine and one write
// a reply are all that is needed. No signatures are checked: it listens on 127.0.0.1 unless told otherwise.
//
//	s3stub -bucket blocks -tar bucket.tar
//	curl '127.0.0.1:PORT/_/delay?get=20ms&list=20ms'   also /_/rate?n=500 /_/stats /_/reset
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	listTime = "2006-01-02T15:04:05.000Z"
	xmlHead  = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	maxPage  = 1000 // keys in a page of a listing, as in S3

	asText, asURL = 0, 1 // how a listing writes keys
)

// What is counted: requests by kind whatever the answer was, some answers, and two totals.
var counters = []string{
	"get", "head", "list", "put", "delete", "other", "404", "412", "503", "bytes_out", "max_inflight",
}

type fault struct {
	status int
	code   string
}

var (
	badRequest         = &fault{400, "InvalidRequest"}
	noSuchKey          = &fault{404, "NoSuchKey"}
	noSuchBucket       = &fault{404, "NoSuchBucket"}
	preconditionFailed = &fault{412, "PreconditionFailed"}
	invalidRange       = &fault{416, "InvalidRange"}
	notImplemented     = &fault{501, "NotImplemented"}
	slowDown           = &fault{503, "SlowDown"}
)

type object struct {
	body   []byte
	etag   string // quoted
	mod    time.Time
	listed [2]string // its element in a listing, the key asText or asURL
}

func newObject(key string, body []byte, mod time.Time) *object {
	sum := md5.Sum(body)
	o := &object{body: body, etag: `"` + hex.EncodeToString(sum[:]) + `"`, mod: mod.UTC()}
	tail := fmt.Sprintf("</Key><LastModified>%s</LastModified><ETag>%s</ETag><Size>%d</Size><StorageClass>STANDARD</StorageClass></Contents>",
		o.mod.Format(listTime), o.etag, len(body))
	o.listed[asText] = "<Contents><Key>" + escape(key, asText) + tail
	o.listed[asURL] = o.listed[asText]
	if encoded := escape(key, asURL); encoded != key {
		o.listed[asURL] = "<Contents><Key>" + encoded + tail
	}
	return o
}

// escape makes a key XML text, or percent-encodes it, which leaves XML nothing to escape.
func escape(key string, form int) string {
	if form == asURL {
		return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(key))
	}
	var text strings.Builder
	_ = xml.EscapeText(&text, []byte(key))
	return text.String()
}

type server struct {
	bucket  string
	mu      sync.RWMutex
	keys    []string // sorted
	objects map[string]*object

	getDelay, listDelay atomic.Int64 // ns
	rate, due           atomic.Int64 // requests a second, 0: no limit; ns at which the next one is due
	inflight            atomic.Int64
	counts              map[string]*atomic.Int64
}

func (s *server) load(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	for r := tar.NewReader(bufio.NewReaderSize(f, 1<<20)); ; {
		h, err := r.Next()
		if err == io.EOF {
			sort.Strings(s.keys)
			return nil
		}
		if err != nil {
			return err
		}
		body := make([]byte, h.Size)
		if _, err := io.ReadFull(r, body); err != nil {
			return err
		}
		s.keys = append(s.keys, h.Name)
		s.objects[h.Name] = newObject(h.Name, body, h.ModTime)
	}
}

func (s *server) get(key string) *object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.objects[key]
}

// swap puts o at key, or removes what is there if o is nil, provided that the conditions hold.
func (s *server) swap(key string, o *object, ifMatch, ifNoneMatch string) *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, found := s.objects[key]
	switch {
	case ifNoneMatch == "*" && found:
		return preconditionFailed
	case ifMatch != "" && !found:
		return noSuchKey
	case ifMatch != "" && ifMatch != "*" && strings.Trim(ifMatch, `"`) != strings.Trim(now.etag, `"`):
		return preconditionFailed
	}
	switch i, _ := slices.BinarySearch(s.keys, key); {
	case o == nil && found:
		s.keys = slices.Delete(s.keys, i, i+1)
		delete(s.objects, key)
	case o != nil && !found:
		s.keys = slices.Insert(s.keys, i, key)
		fallthrough
	case o != nil:
		s.objects[key] = o
	}
	return nil
}

// enter counts a request and makes it wait.
func (s *server) enter(kind string) {
	s.counts[kind].Add(1)
	now, most := s.inflight.Add(1), s.counts["max_inflight"]
	for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
	}
	switch kind {
	case "list":
		time.Sleep(time.Duration(s.listDelay.Load()))
	case "get", "head", "put", "delete":
		time.Sleep(time.Duration(s.getDelay.Load()))
	}
}

// overRate spaces requests evenly, letting 50 ms' worth of them come early.
func (s *server) overRate() bool {
	rate := s.rate.Load()
	if rate <= 0 {
		return false
	}
	now := time.Now().UnixNano()
	for {
		due := s.due.Load()
		if due > now+int64(50*time.Millisecond) {
			return true
		}
		if s.due.CompareAndSwap(due, max(due, now)+int64(time.Second)/rate) {
			return false
		}
	}
}

// A conn answers one request after the other, each with a single write.
type conn struct {
	*server
	nc        net.Conn
	out, page []byte // buffers kept between replies
}

func (c *conn) run() {
	defer c.nc.Close()
	for r := bufio.NewReaderSize(c.nc, 16<<10); ; {
		q, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if q.Header.Get("Expect") != "" {
			_, _ = io.WriteString(c.nc, "HTTP/1.1 100 Continue\r\n\r\n")
		}
		body, err := readBody(q)
		if err != nil || c.serve(q, body) != nil || q.Close {
			return
		}
	}
}

func readBody(q *http.Request) ([]byte, error) {
	if q.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(q.Body)
	signed := strings.HasPrefix(q.Header.Get("X-Amz-Content-Sha256"), "STREAMING-")
	if err == nil && (signed || strings.Contains(q.Header.Get("Content-Encoding"), "aws-chunked")) {
		return unchunk(body)
	}
	return body, err
}

// unchunk decodes aws-chunked: HTTP's chunks, with a signature after each size. Trailers are dropped.
func unchunk(in []byte) (out []byte, err error) {
	for {
		line, rest, _ := bytes.Cut(in, []byte("\r\n"))
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseUint(string(size), 16, 31)
		if err != nil || int(n) > len(rest) {
			return nil, fmt.Errorf("aws-chunked: bad chunk %q", line)
		}
		if n == 0 {
			return out, nil
		}
		out = append(out, rest[:n]...)
		in = bytes.TrimPrefix(rest[n:], []byte("\r\n"))
	}
}

// send writes one reply about o, or about no object if it is nil. To HEAD the body is not sent, only its length.
func (c *conn) send(q *http.Request, status int, o *object, header string, body []byte) error {
	b := strconv.AppendInt(append(c.out[:0], "HTTP/1.1 "...), int64(status), 10)
	b = append(append(b, ' '), http.StatusText(status)...)
	b = append(b, "\r\nServer: s3stub\r\nx-amz-request-id: 0\r\nDate: "...)
	b = append(time.Now().UTC().AppendFormat(b, http.TimeFormat), "\r\n"...)
	if o != nil {
		b = append(b, "Content-Type: binary/octet-stream\r\nAccept-Ranges: bytes\r\nLast-Modified: "...)
		b = o.mod.AppendFormat(b, http.TimeFormat)
		b = append(append(append(b, "\r\nETag: "...), o.etag...), "\r\n"...)
	}
	b = append(b, header...)
	if status != http.StatusNoContent {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), int64(len(body)), 10), "\r\n"...)
	}
	b = append(b, "\r\n"...)
	if q.Method != http.MethodHead {
		b = append(b, body...)
	}
	c.out = b
	c.counts["bytes_out"].Add(int64(len(b)))
	_, err := c.nc.Write(b)
	return err
}

func (c *conn) sendXML(q *http.Request, status int, body []byte) error {
	return c.send(q, status, nil, "Content-Type: application/xml\r\n", body)
}

func (c *conn) fail(q *http.Request, f *fault) error {
	if n, counted := c.counts[strconv.Itoa(f.status)]; counted {
		n.Add(1)
	}
	return c.sendXML(q, f.status, fmt.Appendf(nil, "<Error><Code>%s</Code><Message>%s</Message><Resource>%s</Resource></Error>",
		f.code, f.code, escape(q.URL.Path, asText)))
}

func kindOf(q *http.Request, key string) string {
	method := strings.ToLower(q.Method)
	switch {
	case key != "" && slices.Contains([]string{"get", "head", "put", "delete"}, method):
		return method
	case key == "" && method == "get" && q.URL.Query().Has("list-type"):
		return "list"
	case key == "" && method == "post" && q.URL.Query().Has("delete"):
		return "delete"
	}
	return "other"
}

func (c *conn) serve(q *http.Request, body []byte) error {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(q.URL.Path, "/"), "/")
	if bucket == "_" {
		return c.admin(q, key)
	}
	kind := kindOf(q, key)
	c.enter(kind)
	defer c.inflight.Add(-1)
	switch {
	case kind != "other" && c.overRate():
		return c.fail(q, slowDown)
	case bucket != c.bucket:
		return c.fail(q, noSuchBucket)
	case key != "" && q.URL.RawQuery != "" && (len(q.URL.Query()) > 1 || !q.URL.Query().Has("x-id")): // multipart, versions, tags
		return c.fail(q, notImplemented)
	case kind == "get" || kind == "head":
		return c.getObject(q, key)
	case kind == "put":
		return c.putObject(q, key, body)
	case kind == "delete":
		return c.deleteObjects(q, key, body)
	case kind == "list":
		return c.list(q)
	case q.Method == "HEAD":
		return c.send(q, 200, nil, "x-amz-bucket-region: us-east-1\r\n", nil)
	case q.Method == "GET" && q.URL.Query().Has("location"):
		return c.sendXML(q, 200, []byte("<LocationConstraint></LocationConstraint>"))
	}
	return c.fail(q, notImplemented)
}

func (c *conn) getObject(q *http.Request, key string) error {
	o := c.get(key)
	if o == nil {
		return c.fail(q, noSuchKey)
	}
	from, to, asked := parseRange(q.Header.Get("Range"), len(o.body))
	switch {
	case !asked:
		return c.send(q, 200, o, "", o.body)
	case from >= to:
		return c.fail(q, invalidRange)
	}
	return c.send(q, 206, o, fmt.Sprintf("Content-Range: bytes %d-%d/%d\r\n", from, to-1, len(o.body)), o.body[from:to])
}

// parseRange turns one range of bytes into [from, to); what it does not understand is no range, as in S3.
func parseRange(header string, size int) (from, to int, asked bool) {
	first, last, _ := strings.Cut(strings.TrimPrefix(header, "bytes="), "-")
	from, errFrom := strconv.Atoi(first)
	to, errTo := strconv.Atoi(last)
	switch {
	case errFrom == nil && errTo == nil:
		return from, min(to+1, size), true
	case errFrom == nil && last == "":
		return from, size, true
	case errTo == nil && first == "":
		return max(0, size-to), size, true
	}
	return 0, 0, false
}

func (c *conn) putObject(q *http.Request, key string, body []byte) error {
	source, _ := url.PathUnescape(strings.TrimPrefix(q.Header.Get("X-Amz-Copy-Source"), "/"))
	if source != "" {
		from := c.get(strings.TrimPrefix(source, c.bucket+"/"))
		if from == nil {
			return c.fail(q, noSuchKey)
		}
		body = from.body
	}
	o := newObject(key, body, time.Now().Truncate(time.Second))
	if f := c.swap(key, o, q.Header.Get("If-Match"), q.Header.Get("If-None-Match")); f != nil {
		return c.fail(q, f)
	}
	if source != "" {
		return c.sendXML(q, 200, fmt.Appendf(nil, "<CopyObjectResult><LastModified>%s</LastModified><ETag>%s</ETag></CopyObjectResult>",
			o.mod.Format(listTime), o.etag))
	}
	return c.send(q, 200, nil, "ETag: "+o.etag+"\r\n", nil)
}

func (c *conn) deleteObjects(q *http.Request, key string, body []byte) error {
	if key != "" {
		if f := c.swap(key, nil, q.Header.Get("If-Match"), ""); f != nil {
			return c.fail(q, f)
		}
		return c.send(q, 204, nil, "", nil)
	}
	var asked struct {
		Quiet  bool
		Object []struct{ Key string }
	}
	if xml.Unmarshal(body, &asked) != nil {
		return c.fail(q, badRequest)
	}
	out := []byte("<DeleteResult>")
	for _, o := range asked.Object {
		c.swap(o.Key, nil, "", "")
		if !asked.Quiet {
			out = fmt.Appendf(out, "<Deleted><Key>%s</Key></Deleted>", escape(o.Key, asText))
		}
	}
	return c.sendXML(q, 200, append(out, "</DeleteResult>"...))
}

// list answers ListObjectsV2. A continuation token is the key to go on with, in hex.
func (c *conn) list(q *http.Request) error {
	ask := q.URL.Query()
	prefix, delimiter, form := ask.Get("prefix"), ask.Get("delimiter"), asText
	if ask.Get("encoding-type") == "url" {
		form = asURL
	}
	limit := maxPage
	if n, err := strconv.Atoi(ask.Get("max-keys")); err == nil {
		limit = min(n, maxPage)
	}
	token, err := hex.DecodeString(ask.Get("continuation-token"))
	if err != nil {
		return c.fail(q, badRequest)
	}
	from := max(prefix, string(token))
	if after := ask.Get("start-after"); after != "" {
		from = max(from, after+"\x00")
	}
	b := append(c.page[:0], xmlHead+`<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`...)
	var groups []byte // after all contents: some parsers want equal elements side by side
	c.mu.RLock()
	keys := c.keys[sort.SearchStrings(c.keys, from):]
	count := 0
	for ; count < limit && len(keys) > 0 && strings.HasPrefix(keys[0], prefix); count++ {
		key := keys[0]
		if i := strings.Index(key[len(prefix):], delimiter); delimiter != "" && i >= 0 {
			group := key[:len(prefix)+i+len(delimiter)]
			groups = fmt.Appendf(groups, "<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>", escape(group, form))
			keys = keys[sort.Search(len(keys), func(j int) bool { return !strings.HasPrefix(keys[j], group) }):]
			continue
		}
		b = append(b, c.objects[key].listed[form]...)
		keys = keys[1:]
	}
	next := ""
	if limit > 0 && len(keys) > 0 && strings.HasPrefix(keys[0], prefix) {
		next = "<NextContinuationToken>" + hex.EncodeToString([]byte(keys[0])) + "</NextContinuationToken>"
	}
	c.mu.RUnlock()
	b = append(b, groups...)
	if form == asURL {
		b = append(b, "<EncodingType>url</EncodingType>"...)
	}
	c.page = fmt.Appendf(b, "<Name>%s</Name><Prefix>%s</Prefix><MaxKeys>%d</MaxKeys><KeyCount>%d</KeyCount><IsTruncated>%t</IsTruncated>%s</ListBucketResult>",
		c.bucket, escape(prefix, form), limit, count, next != "", next)
	return c.sendXML(q, 200, c.page)
}

func (c *conn) admin(q *http.Request, what string) error {
	ask := q.URL.Query()
	out := map[string]int64{}
	switch what {
	case "delay":
		for name, delay := range map[string]*atomic.Int64{"get": &c.getDelay, "list": &c.listDelay} {
			if d, err := time.ParseDuration(ask.Get(name)); err == nil {
				delay.Store(int64(d))
			}
			out[name+"_ns"] = delay.Load()
		}
	case "rate":
		n, _ := strconv.ParseInt(ask.Get("n"), 10, 64)
		c.rate.Store(n)
		out["n"] = n
	case "reset":
		for _, n := range c.counts {
			n.Store(0)
		}
	case "stats":
		for name, n := range c.counts {
			out[name] = n.Load()
		}
		var used syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
		out["cpu_ms"] = (used.Utime.Nano() + used.Stime.Nano()) / int64(time.Millisecond)
	default:
		return c.fail(q, badRequest)
	}
	body, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return c.send(q, 200, nil, "Content-Type: application/json\r\n", body)
}

func main() {
	s := &server{objects: map[string]*object{}, counts: map[string]*atomic.Int64{}}
	for _, name := range counters {
		s.counts[name] = new(atomic.Int64)
	}
	addr := flag.String("addr", "127.0.0.1:0", "address to listen on; port 0 is a free one")
	tarFile := flag.String("tar", "", "the bucket's objects, a tar; its times become LastModified")
	lifeline := flag.Bool("stdin-lifeline", false, "end when stdin does")
	flag.StringVar(&s.bucket, "bucket", "blocks", "the bucket's name")
	flag.Parse()
	if *lifeline {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	if *tarFile != "" {
		if err := s.load(*tarFile); err != nil {
			log.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening", l.Addr())
	for {
		nc, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go (&conn{server: s, nc: nc}).run()
	}
}
