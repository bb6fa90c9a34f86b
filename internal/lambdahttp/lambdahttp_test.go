package lambdahttp_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/lambdahttp"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/testkit/apigw"
)

const domain = "id.example.com"

// serve answers one request with h, by way of an event.
func serve(t *testing.T, h http.HandlerFunc, r *http.Request, opts lambdahttp.Options) events.APIGatewayV2HTTPResponse {
	t.Helper()
	event, err := apigw.Gateway{Caller: r.Header.Get("Test-Caller")}.Event(r)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := lambdahttp.Handler(h, opts)(t.Context(), event)
	if err != nil {
		t.Fatalf("event refused: %v", err)
	}
	return resp
}

func get(target string) *http.Request {
	return httptest.NewRequest(http.MethodGet, "https://"+domain+target, nil)
}

// Each case is a trap of the adapter (design.md 5).
func TestRequestArrivesAsSent(t *testing.T) {
	header := func(r *http.Request, name, value string) *http.Request { r.Header.Set(name, value); return r }
	form := "SAMLRequest=PHg%2b&RelayState="
	tests := []struct {
		name string
		req  *http.Request
		see  func(*http.Request) any
		want any
	}{
		{"raw query octets", get("/saml/sso?SAMLRequest=a%2bb%2B+c%20d&RelayState=&b=2&a=1&&x=;"),
			func(r *http.Request) any { return r.URL.RawQuery }, "SAMLRequest=a%2bb%2B+c%20d&RelayState=&b=2&a=1&&x=;"},
		{"no query", get("/saml/sso"), func(r *http.Request) any { return r.RequestURI }, "/saml/sso"},
		{"question mark in the path", get("/saml/metadata/a%3Fb"),
			func(r *http.Request) any { return []string{r.URL.Path, r.URL.RawQuery, r.RequestURI} },
			[]string{"/saml/metadata/a?b", "", "/saml/metadata/a%3Fb"}},
		{"bare percent in the path", get("/saml/metadata/100%25?q=%"),
			func(r *http.Request) any { return []string{r.URL.Path, r.URL.RawQuery} }, []string{"/saml/metadata/100%", "q=%"}},
		{"path like a host", get("//evil.test/x"),
			func(r *http.Request) any { return []string{r.Host, r.URL.Host, r.URL.Path} }, []string{domain, "", "//evil.test/x"}},
		{"header with commas", header(get("/"), "Accept-Language", "sl, en;q=0.5"),
			func(r *http.Request) any { return r.Header.Values("Accept-Language") }, []string{"sl, en;q=0.5"}},
		{"user agent with commas", header(get("/"), "Sec-Ch-Ua", `"A, B";v="1", "C";v="2"`),
			func(r *http.Request) any { return r.Header.Values("Sec-Ch-Ua") }, []string{`"A, B";v="1", "C";v="2"`}},
		{"cookies", header(get("/"), "Cookie", "__Host-bs=a; x=b,c; __Host-bs=d"),
			func(r *http.Request) any { return r.Header.Values("Cookie") }, []string{"__Host-bs=a; x=b,c; __Host-bs=d"}},
		{"host", get("/"), func(r *http.Request) any { return r.Host }, domain},
		{"remote address has a port", get("/"), func(r *http.Request) any {
			ip, _, err := net.SplitHostPort(r.RemoteAddr)
			return []any{ip, err}
		}, []any{"203.0.113.7", error(nil)}},
		{"base64 form body", header(httptest.NewRequest(http.MethodPost, "https://"+domain+"/saml/sso", strings.NewReader(form)), "Content-Type", "application/x-www-form-urlencoded"),
			func(r *http.Request) any { b, err := io.ReadAll(r.Body); return []any{string(b), r.ContentLength, err} },
			[]any{form, int64(len(form)), error(nil)}},
		{"plain JSON body", header(httptest.NewRequest(http.MethodPost, "https://"+domain+"/v1/x", strings.NewReader(`{"a":1}`)), "Content-Type", "application/json"),
			func(r *http.Request) any { b, _ := io.ReadAll(r.Body); return string(b) }, `{"a":1}`},
		{"A50", header(header(header(header(get("/"), "X-Forwarded-For", "1.2.3.4"), "Forwarded", "for=1.2.3.4"), "CloudFront-Viewer-Address", "1.2.3.4:5"), "X-Forwarded-Host", "evil.test"),
			func(r *http.Request) any {
				return []string{idp.ClientFrom(r.Context()).IP, idp.ClientFrom(r.Context()).Place, r.Header.Get("X-Forwarded-For"), r.Header.Get("Forwarded"), r.Header.Get("X-Forwarded-Host"), r.Header.Get("CloudFront-Viewer-Address")}
			}, []string{"203.0.113.7", "", "", "", "", ""}},
		{"IAM caller", header(get("/v1/admin/users"), "Test-Caller", "arn:aws:iam::111122223333:user/ops"),
			func(r *http.Request) any { arn, ok := lambdahttp.IAMCaller(r.Context()); return []any{arn, ok} },
			[]any{"arn:aws:iam::111122223333:user/ops", true}},
		{"no IAM caller", get("/v1/admin/users"),
			func(r *http.Request) any { _, ok := lambdahttp.IAMCaller(r.Context()); return ok }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got any
			resp := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = tt.see(r) }, tt.req, lambdahttp.Options{})
			if d := cmp.Diff(tt.want, got); d != "" || resp.StatusCode != http.StatusOK {
				t.Errorf("status %d, request (-want +got):\n%s", resp.StatusCode, d)
			}
		})
	}
}

// A request must not depend on the environment variable with which the adapter
// replaces the host.
func TestAdapterHostVariableIsIgnored(t *testing.T) {
	t.Setenv("GO_API_HOST", "https://evil.test/base")
	serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Host != domain || r.URL.Path != "/login" {
			t.Errorf("got host %q, path %q", r.Host, r.URL.Path)
		}
	}, get("/login"), lambdahttp.Options{})
}

func TestResponseLeavesAsWritten(t *testing.T) {
	const text = "text/plain; charset=utf-8"
	tests := []struct {
		name string
		req  *http.Request
		h    http.HandlerFunc
		want events.APIGatewayV2HTTPResponse
	}{
		{"nothing written is 200, not 504", get("/"), func(http.ResponseWriter, *http.Request) {},
			events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: map[string]string{}, Cookies: []string{}}},
		{"second status does not override the first", get("/"), func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			w.Header().Set("Late", "1")
			w.WriteHeader(200)
		}, events.APIGatewayV2HTTPResponse{StatusCode: 404, Headers: map[string]string{}, Cookies: []string{}}},
		{"informational status is not the answer", get("/"), func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(303)
		}, events.APIGatewayV2HTTPResponse{StatusCode: 303, Headers: map[string]string{}, Cookies: []string{}}},
		{"several cookies", get("/"), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Set-Cookie", "a=1; Expires=Mon, 01 Jan 2029 00:00:00 GMT")
			w.Header().Add("Set-Cookie", "b=2")
			w.WriteHeader(204)
		}, events.APIGatewayV2HTTPResponse{StatusCode: 204, Headers: map[string]string{}, Cookies: []string{"a=1; Expires=Mon, 01 Jan 2029 00:00:00 GMT", "b=2"}}},
		{"text", get("/"), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", text)
			_, _ = w.Write([]byte("Kovač"))
		}, events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: map[string]string{"Content-Type": text}, Body: "Kovač", Cookies: []string{}}},
		{"binary", get("/"), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write([]byte{0x89, 'P', 'N', 'G', 0xff})
		}, events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: map[string]string{"Content-Type": "image/png"}, Body: "iVBOR/8=", IsBase64Encoded: true, Cookies: []string{}}},
		{"HEAD has no body", httptest.NewRequest(http.MethodHead, "https://"+domain+"/", nil), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", text)
			_, _ = w.Write([]byte("x"))
		}, events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: map[string]string{"Content-Type": text}, Cookies: []string{}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := serve(t, tt.h, tt.req, lambdahttp.Options{})
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("answer (-want +got):\n%s", d)
			}
		})
	}
}

func TestPanicIsAnswered(t *testing.T) {
	const secret = "kLq0a8s7d6f5g4h3j2k1l0ZXCVBNMasdfghjklqwert"
	for name, value := range map[string]any{"error": errors.New("index of " + secret), "text": secret, "abort": http.ErrAbortHandler} {
		t.Run("I7 "+name, func(t *testing.T) {
			var log bytes.Buffer
			resp := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Set-Cookie", "a="+secret)
				_, _ = w.Write([]byte(secret))
				panic(value)
			}, get("/?s="+secret), lambdahttp.Options{Log: obs.NewLogger(&log, slog.LevelInfo, true)})

			if resp.StatusCode != 500 || resp.Body != "Something went wrong\n" || len(resp.Cookies) != 0 {
				t.Errorf("got %+v, want a plain 500", resp)
			}
			if n := strings.Count(log.String(), `"reason":"panic"`); n != 1 {
				t.Errorf("got %d log lines with the reason panic, want 1:\n%s", n, log.String())
			}
			if strings.Contains(log.String(), secret) {
				t.Errorf("log holds the secret:\n%s", log.String())
			}
		})
	}
}

func TestHandlerGetsTimeToFail(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Hour))
	defer cancel()
	end, _ := ctx.Deadline()
	event, err := apigw.Gateway{}.Event(get("/"))
	if err != nil {
		t.Fatal(err)
	}
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, ok := r.Context().Deadline()
		if !ok || end.Sub(got) != 500*time.Millisecond {
			t.Errorf("handler's deadline is %v before the function's, want 500ms", end.Sub(got))
		}
	})
	if _, err := lambdahttp.Handler(h, lambdahttp.Options{})(ctx, event); err != nil {
		t.Fatal(err)
	}
}

func TestEdge(t *testing.T) {
	viaEdge := func(secret string) *http.Request {
		r := get("/")
		r.Host = "api1234567.execute-api.eu-central-1.amazonaws.com"
		r.Header.Set("X-Latchkey-Origin", secret)
		r.Header.Set("CloudFront-Viewer-Address", "2001:db8::7:46532")
		r.Header.Set("CloudFront-Viewer-City", "%C5%A0kofja Loka")
		r.Header.Set("CloudFront-Viewer-Country", "SI")
		return r
	}
	opts := lambdahttp.Options{PublicHost: domain, ViaCloudFront: func(_ context.Context, secret string) (bool, error) { return secret == "s3cret", nil }}

	t.Run("L3 viewer headers count with the origin secret", func(t *testing.T) {
		resp := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			want := idp.Client{IP: "2001:db8::7", Place: "Škofja Loka, SI"}
			if d := cmp.Diff(want, idp.ClientFrom(r.Context())); d != "" {
				t.Errorf("client (-want +got):\n%s", d)
			}
			if r.Host != domain {
				t.Errorf("host is %q, want %q", r.Host, domain)
			}
			if len(r.Header.Values("X-Latchkey-Origin"))+len(r.Header.Values("CloudFront-Viewer-City")) != 0 {
				t.Error("handler sees the edge's headers")
			}
		}, viaEdge("s3cret"), opts)
		if resp.StatusCode != 200 {
			t.Errorf("status %d, want 200", resp.StatusCode)
		}
	})
	t.Run("L3 place with markup is no place", func(t *testing.T) {
		r := viaEdge("s3cret")
		r.Header.Set("CloudFront-Viewer-City", "%3Cimg src=x%3E")
		r.Header.Set("CloudFront-Viewer-Address", "evil:1")
		serve(t, func(_ http.ResponseWriter, r *http.Request) {
			if d := cmp.Diff(idp.Client{}, idp.ClientFrom(r.Context())); d != "" {
				t.Errorf("client (-want +got):\n%s", d)
			}
		}, r, opts)
	})
	unknown := opts
	unknown.ViaCloudFront = func(context.Context, string) (bool, error) { return true, errors.New("Secrets Manager is down") }
	for name, tt := range map[string]struct {
		secret string
		opts   lambdahttp.Options
		status int
	}{"missing": {"", opts, 403}, "wrong": {"guess", opts, 403}, "twice": {"s3cret,s3cret", opts, 403}, "not known": {"s3cret", unknown, 503}} {
		t.Run("L4 secret "+name, func(t *testing.T) {
			resp := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("handler ran") }, viaEdge(tt.secret), tt.opts)
			if resp.StatusCode != tt.status || (resp.Headers["Retry-After"] != "") != (tt.status == 503) {
				t.Errorf("status %d, want %d; %v", resp.StatusCode, tt.status, resp.Headers)
			}
		})
	}
}

// The gateway's domain name has no port: a public address may.
func TestPublicHostHasThePort(t *testing.T) {
	r := get("/")
	r.Host = "localhost"
	opts := lambdahttp.Options{Domains: []string{"localhost:3000", "localhost"}, PublicHost: "localhost:3000"}
	resp := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Host != "localhost:3000" {
			t.Errorf("host is %q", r.Host)
		}
	}, r, opts)
	if resp.StatusCode != 200 {
		t.Errorf("status %d, want 200", resp.StatusCode)
	}
}

// Two cookies, a redirect and a jar: what a browser does with a function.
func TestBrowserDrivesFunction(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /saml/sso", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "__Host-a", Value: "1", Path: "/", Secure: true})
		http.SetCookie(w, &http.Cookie{Name: "__Host-b", Value: "2", Path: "/", Secure: true})
		http.Redirect(w, r, "/login?l="+r.FormValue("id"), http.StatusSeeOther)
	})
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.RawQuery+" "+r.Header.Get("Cookie"))
	})
	jar, _ := cookiejar.New(nil)
	client := http.Client{Jar: jar, Transport: apigw.Transport{Invoke: lambdahttp.Handler(mux, lambdahttp.Options{Domains: []string{domain}})}}
	resp, err := client.PostForm("https://"+domain+"/saml/sso", url.Values{"id": {"x y"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "l=x y __Host-a=1; __Host-b=2" && string(body) != "l=x%20y __Host-a=1; __Host-b=2" {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestForeignEventsAreErrors(t *testing.T) {
	good, err := apigw.Gateway{}.Event(get("/v1/admin/users"))
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*events.APIGatewayV2HTTPRequest)) string {
		var e events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(good, &e); err != nil {
			t.Fatal(err)
		}
		change(&e)
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	type request = events.APIGatewayV2HTTPRequest
	tests := map[string]string{
		"A54 empty":           `{}`,
		"A54 nothing":         ``,
		"A54 null":            `null`,
		"A54 text":            `"/saml/sso"`,
		"A54 list":            `[1]`,
		"A54 SQS":             `{"Records":[{"messageId":"1","body":"{\"version\":\"2.0\"}","eventSource":"aws:sqs"}]}`,
		"A54 EventBridge":     `{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","detail":{}}`,
		"A54 v1":              `{"version":"1.0","resource":"/saml/sso","path":"/saml/sso","httpMethod":"GET","headers":{},"requestContext":{"stage":"$default","domainName":"id.example.com","httpMethod":"GET"}}`,
		"A54 ALB":             `{"requestContext":{"elb":{"targetGroupArn":"arn:x"}},"httpMethod":"GET","path":"/","headers":{},"body":"","isBase64Encoded":false}`,
		"L1 other version":    with(func(e *request) { e.Version = "3.0" }),
		"L1 other domain":     with(func(e *request) { e.RequestContext.DomainName = "abc.lambda-url.eu-central-1.on.aws" }),
		"L1 no domain":        with(func(e *request) { e.RequestContext.DomainName = "" }),
		"L1 other stage":      with(func(e *request) { e.RequestContext.Stage = "prod" }),
		"L1 no http":          with(func(e *request) { e.RequestContext.HTTP.Method = "" }),
		"L1 odd method":       with(func(e *request) { e.RequestContext.HTTP.Method = "GET /x HTTP/1.1\r\n" }),
		"L1 no source":        with(func(e *request) { e.RequestContext.HTTP.SourceIP = "" }),
		"L1 no path":          with(func(e *request) { e.RawPath = "" }),
		"L1 authority":        with(func(e *request) { e.RawPath = "@evil.test/" }),
		"L1 body not base64":  with(func(e *request) { e.Body, e.IsBase64Encoded = "%%%", true }),
		"L1 forged, no route": with(func(e *request) { e.RouteKey = "" }),
	}
	for name, event := range tests {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			h := lambdahttp.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("handler ran") }),
				lambdahttp.Options{Domains: []string{domain}, Log: obs.NewLogger(&log, slog.LevelInfo, true)})
			_, err := h(t.Context(), json.RawMessage(event))
			if !errors.Is(err, lambdahttp.ErrEvent) {
				t.Errorf("got error %v, want %v", err, lambdahttp.ErrEvent)
			}
			if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), `"reason":"event.unknown"`) {
				t.Errorf("want one log line with the reason event.unknown, got:\n%s", log.String())
			}
		})
	}
}

func FuzzEvent(f *testing.F) {
	for _, target := range []string{"/", "/saml/sso?SAMLRequest=%2b", "/a%3Fb%25/../c", "//x"} {
		event, err := apigw.Gateway{Caller: "arn:x"}.Event(get(target))
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(event))
	}
	f.Add([]byte(`{"version":"2.0","routeKey":"$default","rawPath":"/","isBase64Encoded":true,"body":"AA==","cookies":["a"],"headers":{"":"x","a\n":"b"},"requestContext":{"stage":"$default","apiId":"a","domainName":"id.example.com","http":{"method":"GET","sourceIp":"::1"}}}`))
	f.Add([]byte(`{"Records":[]}`))

	h := lambdahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		w.Header().Set("Seen", base64.StdEncoding.EncodeToString([]byte(r.URL.RawQuery)))
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(body)
	}), lambdahttp.Options{Domains: []string{domain}})

	f.Fuzz(func(t *testing.T, raw []byte) {
		resp, err := h(t.Context(), raw)
		if err != nil {
			if !errors.Is(err, lambdahttp.ErrEvent) {
				t.Fatalf("unexpected error: %v", err)
			}
			return
		}
		var e events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(raw, &e); err != nil || e.Version != "2.0" || e.RequestContext.DomainName == "" {
			t.Fatal("answered an event that is not ours")
		}
		if resp.StatusCode != http.StatusTeapot {
			t.Fatalf("status %d", resp.StatusCode)
		}
		if query, _ := base64.StdEncoding.DecodeString(resp.Headers["Seen"]); string(query) != e.RawQueryString {
			t.Fatalf("query %q arrived as %q", e.RawQueryString, query)
		}
	})
}
