package kubernetes_test

import "time"

// day is when the tests take place.
var day = time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
