package cloud

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"

	"github.com/latchkey-idp/latchkey/internal/testkit/lambdaruntime"
)

// pool is the instances of one function: each takes one event at a time, and
// another is started when all are busy. Beyond a limit events wait: a machine
// has no room for as many as Lambda.
type pool struct {
	binary  string
	options lambdaruntime.Options
	slots   chan struct{} // one for each event that is being answered

	mu      sync.Mutex
	all     []*lambdaruntime.Function
	idle    []*lambdaruntime.Function
	stopped strings.Builder // output of instances that have ended
}

func newPool(dir string, o lambdaruntime.Options, limit int) *pool {
	return &pool{binary: filepath.Join(dir, o.Name), options: o, slots: make(chan struct{}, limit)}
}

// invoke hands an event to an idle instance, as Lambda does.
func (p *pool) invoke(event []byte) ([]byte, error) {
	p.slots <- struct{}{}
	defer func() { <-p.slots }()
	f, err := p.take()
	if err != nil {
		return nil, err
	}
	raw, err := f.InvokeRaw(event)
	if err != nil && !errors.Is(err, lambdaruntime.ErrFunction) && !errors.Is(err, lambdaruntime.ErrTooLarge) {
		p.drop(f) // it timed out or ended
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, f)
	return raw, err
}

func (p *pool) take() (*lambdaruntime.Function, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		f := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return f, nil
	}
	f, err := lambdaruntime.Launch(p.binary, p.options)
	if err != nil {
		return nil, err
	}
	p.all = append(p.all, f)
	return f, nil
}

func (p *pool) drop(f *lambdaruntime.Function) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.all {
		if p.all[i] == f {
			p.all = append(p.all[:i], p.all[i+1:]...)
			break
		}
	}
	p.stopped.WriteString(f.Output())
	f.Stop()
}

// recycle ends all instances that are idle, as Lambda may at any time.
func (p *pool) recycle() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, f := range idle {
		p.drop(f)
	}
}

func (p *pool) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.all {
		f.Thaw()
	}
}

// output is what all instances have written.
func (p *pool) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.stopped.String()
	for _, f := range p.all {
		out += f.Output()
	}
	return out
}

// processes are those of the instances.
func (p *pool) processes() (all []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.all {
		all = append(all, f.Process())
	}
	return all
}

func (p *pool) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.all {
		f.Stop()
	}
	p.all, p.idle = nil, nil
}
