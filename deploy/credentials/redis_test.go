package credentials_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"zonebench.internal/deploy/credentials"
)

// startRedis runs a real server with the users of an installation.
func startRedis(t *testing.T, password string) (address string) {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("MUST_RUN") == "1" {
			t.Fatal("redis-server is not installed: apt-get install redis-server")
		}
		t.Skip("redis-server is not installed")
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = lis.Addr().String()
	_ = lis.Close() // The server takes a port, so one that is free was looked for.
	_, port, _ := net.SplitHostPort(address)
	dir := t.TempDir()
	users := filepath.Join(dir, "users.acl")
	if err := os.WriteFile(users, []byte(credentials.RedisUsers(password)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), program, "--bind", "127.0.0.1", "--port", port, "--save", "", "--aclfile", users, "--dir", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return address
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// The user of the ranking service x keys x commands, on a real server.
func TestWhatTheRankingServiceMayDoInRedis(t *testing.T) {
	const password = "correct-horse"
	address := startRedis(t, password)
	ranking := redis.NewClient(&redis.Options{Addr: address, Username: "ranking", Password: password, DisableIdentity: true})
	t.Cleanup(func() { _ = ranking.Close() })
	denied := func(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "NOPERM") }
	const mine, foreign = "zonebench:1:{x}:pointer", "other:x"
	const hash = "zonebench:1:{x}:heads"
	for _, c := range [][]any{
		{"ping"},
		{"set", mine, "1", "px", 1000},
		{"get", mine},
		{"pexpire", mine, 1000},
		{"hset", hash, "a", "1"},
		{"hget", hash, "a"},
		{"hmget", hash, "a"},
		{"hgetall", hash},
		{"hkeys", hash},
		{"hvals", hash},
		{"hdel", hash, "a"},
		{"eval", "return redis.call('HSET', KEYS[1], 'b', '1')", 1, hash},
	} {
		if err := ranking.Do(t.Context(), c...).Err(); err != nil && !errors.Is(err, redis.Nil) {
			t.Errorf("%v: %v", c, err)
		}
	}
	if _, err := ranking.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
		p.HSet(t.Context(), hash, "c", "1")
		return nil
	}); err != nil {
		t.Errorf("a transaction: %v", err)
	}
	for _, c := range [][]any{
		// Keys of others, also from within a script.
		{"get", foreign},
		{"set", foreign, "1"},
		{"hgetall", foreign},
		{"hset", foreign, "a", "1"},
		{"pexpire", foreign, 1},
		{"eval", "return redis.call('GET', KEYS[1])", 1, foreign},
		// What would show, move or empty everything.
		{"keys", "*"},
		{"scan", 0},
		{"dbsize"},
		{"flushall"},
		{"flushdb"},
		{"del", mine},
		{"unlink", mine},
		{"rename", mine, hash},
		{"dump", mine},
		{"randomkey"},
		{"move", mine, 1},
		{"swapdb", 0, 1},
		{"sort", mine},
		// The server.
		{"config", "get", "*"},
		{"config", "set", "save", "1 1"},
		{"acl", "list"},
		{"acl", "setuser", "x"},
		{"acl", "whoami"},
		{"info"},
		{"monitor"},
		{"latency", "latest"},
		{"shutdown"},
		{"save"},
		{"bgsave"},
		{"replicaof", "no", "one"},
		{"slowlog", "get"},
		{"client", "list"},
		{"client", "kill", "type", "normal"},
		{"script", "flush"},
		{"function", "list"},
		{"module", "list"},
		{"publish", "zonebench", "x"},
		{"subscribe", "zonebench"},
	} {
		if err := ranking.Do(t.Context(), c...).Err(); !denied(err) {
			t.Errorf("%v: %v", c, err)
		}
	}
	for name, options := range map[string]*redis.Options{
		"nobody":              {},
		"a wrong password":    {Username: "ranking", Password: "wrong"},
		"the default user":    {Username: "default", Password: password},
		"the digest for it":   {Username: "ranking", Password: digest(t, password)},
		"an unknown user":     {Username: "admin", Password: password},
		"a password, no user": {Password: password},
	} {
		options.Addr, options.MaxRetries, options.DisableIdentity = address, -1, true
		client := redis.NewClient(options)
		err := client.Get(t.Context(), mine).Err()
		_ = client.Close()
		if err == nil || !slices.ContainsFunc([]string{"NOAUTH", "WRONGPASS"}, func(code string) bool { return strings.Contains(err.Error(), code) }) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The server has the digest of the password only, so its file is no password.
func TestTheServersFileHasNoPassword(t *testing.T) {
	if users := credentials.RedisUsers("correct-horse"); strings.Contains(users, "correct-horse") {
		t.Error(users)
	}
}

func digest(t *testing.T, password string) string {
	t.Helper()
	_, after, _ := strings.Cut(credentials.RedisUsers(password), "#")
	sum, _, _ := strings.Cut(after, " ")
	return sum
}
