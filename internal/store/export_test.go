package store

// Waiting is how many audit events wait to be written.
func (a *Audit) Waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.queue)
}
