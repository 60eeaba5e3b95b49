package forward

import "time"

// SetPart makes the messages of an answer small.
func (f *Forwarder) SetPart(bytes int) { f.limits.part = bytes }

// SetCalls bounds the calls that are answered at once.
func (f *Forwarder) SetCalls(n int) { f.limits.calls = n }

// SetPatience sets when a call is sent again.
func (f *Forwarder) SetPatience(accepted, silent, late time.Duration) {
	f.limits.accepted, f.limits.silent, f.limits.late = accepted, silent, late
}

// SetStop sets how long calls may take to end at a stop.
func (f *Forwarder) SetStop(d time.Duration) { f.limits.stop = d }
