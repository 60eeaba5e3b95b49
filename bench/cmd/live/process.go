package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// process is a server that was started for the measurement.
type process struct {
	cmd *exec.Cmd
	out io.Reader
}

func start(ctx context.Context, path string, args ...string) (*process, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return &process{cmd: cmd, out: out}, nil
}

// address reads where a zonebench serves.
func (p *process) address() (string, error) {
	line, err := bufio.NewReader(p.out).ReadBytes('\n')
	if err != nil {
		return "", fmt.Errorf("read where it serves: %w", err)
	}
	var said struct {
		Address string `json:"address"`
	}
	if err := json.Unmarshal(line, &said); err != nil {
		return "", fmt.Errorf("read where it serves: %w", err)
	}
	return said.Address, nil
}

func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop %s: %w", p.cmd.Path, err)
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("stop %s: %w", p.cmd.Path, err)
	}
	return nil
}

// cpu is the CPU time that the process has used; 0 for none.
func (p *process) cpu() time.Duration {
	if p == nil {
		return 0
	}
	return cpu("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/stat")
}
