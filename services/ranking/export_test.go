package ranking

import "time"

// BeatEvery makes watchers hear more often that nothing changed.
func BeatEvery(s *Service, d time.Duration) { s.beatEvery = d }
