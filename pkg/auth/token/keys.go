package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"zonebench.internal/pkg/reload"
	"zonebench.internal/pkg/tlsfiles"
)

const (
	// fresh is how long keys are used before the issuer is asked again.
	fresh = 10 * time.Minute
	// stale is how long they are used when the issuer does not answer.
	stale = 12 * time.Hour
	// pause lies between two questions at least, so that tokens with invented key ids do not reach the issuer.
	pause = 30 * time.Second
	// patience is how long an answer may take.
	patience = 5 * time.Second
	// largest is how many bytes an answer may have.
	largest = 1 << 20
)

// Open makes a verifier. It asks the issuer for nothing yet.
func Open(config Config, now func() time.Time, log *slog.Logger) (*Verifier, error) {
	if config.MaxAge == 0 {
		config.MaxAge = time.Hour
	}
	if config.Issuer == "" || config.Audience == "" {
		return nil, errors.New("tokens: name both the issuer and the audience that tokens must have")
	}
	v := &Verifier{config: config, now: now}
	if config.KeysFile != "" {
		fail := func(err error) {
			log.Error("tokens are judged by the keys that were there before", slog.Any("error", err))
		}
		set, err := reload.New(now, fail, func() (*jose.JSONWebKeySet, error) { return readKeys(config.KeysFile) }, config.KeysFile)
		if err != nil {
			return nil, fmt.Errorf("tokens: %w", err)
		}
		v.keys = laid{set}
		return v, nil
	}
	if err := secure(config.Issuer); err != nil {
		return nil, fmt.Errorf("tokens: issuer: %w", err)
	}
	authorities, err := tlsfiles.Open(tlsfiles.Files{CA: config.CAFile}, now, log)
	if err != nil {
		return nil, fmt.Errorf("tokens: authorities of the issuer: %w", err)
	}
	v.keys = &published{issuer: config.Issuer, now: now, log: log, client: &http.Client{
		Timeout: patience,
		Transport: &http.Transport{
			DialTLSContext: authorities.Dial, Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("the issuer sends elsewhere, which is not followed")
		},
	}}
	return v, nil
}

// laid are keys that an administrator has laid down in a file.
type laid struct {
	set *reload.Value[*jose.JSONWebKeySet]
}

func (l laid) key(_ context.Context, id string) ([]jose.JSONWebKey, error) {
	return l.set.Get().Key(id), nil
}

func readKeys(path string) (*jose.JSONWebKeySet, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the path and what is wrong
	}
	set, err := parseKeys(content)
	if err != nil {
		return nil, fmt.Errorf("keys %s: %w", path, err)
	}
	return set, nil
}

func parseKeys(content []byte) (*jose.JSONWebKeySet, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(content, &set); err != nil {
		return nil, errors.New("this is not a JSON Web Key Set") // What it is instead may be a secret.
	}
	if len(set.Keys) == 0 {
		return nil, errors.New("the JSON Web Key Set has no key")
	}
	for _, key := range set.Keys {
		if !key.IsPublic() {
			return nil, fmt.Errorf("the key %q is not a public one: private and shared keys stay with the issuer", key.KeyID)
		}
	}
	return &set, nil
}

// published are the keys that the issuer publishes by OpenID Connect discovery.
type published struct {
	issuer string
	client *http.Client
	now    func() time.Time
	log    *slog.Logger

	asking sync.Mutex // held while the issuer is asked

	mu    sync.Mutex
	set   *jose.JSONWebKeySet
	had   time.Time // when the issuer gave it
	asked time.Time // when it was asked last
}

func (p *published) key(ctx context.Context, id string) ([]jose.JSONWebKey, error) {
	found, age, due := p.look(id)
	switch {
	case len(found) > 0 && age < fresh:
		return found, nil
	case len(found) > 0 && age < stale && !due: // It did not answer a moment ago.
		return found, nil
	case len(found) == 0 && !due && age < stale:
		return nil, nil
	case !due:
		return nil, errors.New("the issuer has not answered, and was asked a moment ago")
	}
	known := len(found) > 0 && age < stale
	err := p.ask(ctx, !known)
	found, age, _ = p.look(id)
	if err != nil && age < stale {
		p.log.WarnContext(ctx, "the issuer of tokens does not answer: its keys are used as they were",
			slog.Duration("age", age), slog.Any("error", err))
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// look finds a key in what the issuer gave last, tells how old that is, and
// whether it may be asked again.
func (p *published) look(id string) (found []jose.JSONWebKey, age time.Duration, due bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	due = now.Sub(p.asked) >= pause
	if p.set == nil {
		return nil, stale, due
	}
	return p.set.Key(id), now.Sub(p.had), due
}

// ask has the issuer give its keys. One asks; who comes meanwhile has its
// answer if it waits for it, and goes on without if not.
func (p *published) ask(ctx context.Context, wait bool) error {
	began := p.now()
	if !p.asking.TryLock() {
		if !wait {
			return nil
		}
		p.asking.Lock()
	}
	defer p.asking.Unlock()
	p.mu.Lock()
	had, asked := p.had, p.asked
	p.mu.Unlock()
	if asked.After(began) || asked.Equal(began) {
		if had.Before(asked) {
			return errors.New("the issuer has not answered a moment ago")
		}
		return nil
	}
	// The answer serves the others too: it does not end with this call.
	set, err := p.discover(context.WithoutCancel(ctx))
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = now
	if err != nil {
		return err
	}
	p.set, p.had = set, now
	return nil
}

// discover asks for the configuration of the issuer and then for its keys
// (OpenID Connect Discovery 1.0, section 4).
func (p *published) discover(ctx context.Context) (*jose.JSONWebKeySet, error) {
	content, err := p.get(ctx, strings.TrimSuffix(p.issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return nil, err
	}
	var configuration struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(content, &configuration); err != nil {
		return nil, fmt.Errorf("configuration of the issuer %s: %w", p.issuer, err)
	}
	if configuration.Issuer != p.issuer {
		return nil, fmt.Errorf("the issuer %s calls itself %q: write it as it does", p.issuer, configuration.Issuer)
	}
	if err := secure(configuration.Keys); err != nil {
		return nil, fmt.Errorf("keys of the issuer %s: %w", p.issuer, err)
	}
	if content, err = p.get(ctx, configuration.Keys); err != nil {
		return nil, err
	}
	set, err := parseKeys(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", configuration.Keys, err)
	}
	return set, nil
}

func (p *published) get(ctx context.Context, address string) (content []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask the issuer: %w", err)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the issuer: %w", err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the issuer answers %s with %s", address, response.Status)
	}
	if content, err = io.ReadAll(io.LimitReader(response.Body, largest+1)); err != nil {
		return nil, fmt.Errorf("ask the issuer: %w", err)
	}
	if len(content) > largest {
		return nil, fmt.Errorf("the issuer answers %s with more than %d bytes", address, largest)
	}
	return content, nil
}

// secure says why keys may not be had from an address: whoever can change the
// answer on its way could sign tokens.
func secure(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%q is not an address: write it as https://issuer.example/realm", address)
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()) {
		return nil
	}
	if u.Scheme != "https" || u.User != nil {
		return fmt.Errorf("%s is refused: only https is safe, without a user in it", u.Redacted())
	}
	return nil
}
