package versions

// Waiting is how many wait for a version that is being computed.
func Waiting(k *Keeper, name string, version int64) int {
	k.flights.mu.Lock()
	defer k.flights.mu.Unlock()
	if f := k.flights.by[key{name, version}]; f != nil {
		return f.waiting
	}
	return 0
}
