// Package chaos breaks an installation of real processes while it is written to,
// and holds what its clients were told against what is in the ledger.
//
// The installation is three NATS servers, a redis-server and two replicas of each
// service, every process in a network namespace of its own (root and iproute2).
// Clients go round the replicas and try nothing again by themselves, except
// where a test says so. Every operation is recorded with its outcome; in the end
//
//   - what was acknowledged is in the ledger exactly once, at the revision that
//     was told;
//   - what was refused is not in it;
//   - what has an unknown outcome is in it at most once;
//   - what is in it was asked for;
//   - the ledger is sound as each NATS server tells it, and every replica has
//     folded it to the end.
//
// It runs when the variable CHAOS says in which form:
//
//	make chaos-short   # CHAOS=short: one of each fault, for CI; about two minutes
//	make chaos         # CHAOS=long: as the requirements ask, and the measurements for docs/
//
// The seed is printed; CHAOS_SEED=n makes the same operations and faults again,
// though not the same interleaving.
package chaos
