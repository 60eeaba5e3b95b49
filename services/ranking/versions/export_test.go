package versions

import "context"

// Put puts a version into Redis, as the herald does.
func Put(ctx context.Context, k *Keeper, v *Version) (bool, error) {
	k.shelf.check(ctx)
	return k.shelf.put(ctx, v)
}

// Waiting is how many wait for a version that is being computed.
func Waiting(k *Keeper, name string, version int64) int {
	k.flights.mu.Lock()
	defer k.flights.mu.Unlock()
	if f := k.flights.by[key{name, version}]; f != nil {
		return f.waiting
	}
	return 0
}

// Mark is the applied revision that the guard of Redis had for this process.
func Mark(k *Keeper) int64 {
	k.shelf.mu.Lock()
	defer k.shelf.mu.Unlock()
	return k.shelf.mark
}
