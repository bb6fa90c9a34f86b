package embedded

import (
	"fmt"
	"log/slog"
	"os"
)

// logger takes what pebble has to say: failures, not how it gets on.
type logger struct{ log *slog.Logger }

func (logger) Infof(string, ...any) {}

func (l logger) Errorf(format string, args ...any) {
	l.log.Error("the table's background work failed", "event", "store.background", "error", fmt.Sprintf(format, args...))
}

// Fatalf ends the process: pebble calls it where it cannot go on, such as when the
// disk is full, and must not get control back. A panic would do it only halfway,
// as net/http recovers those.
func (l logger) Fatalf(format string, args ...any) {
	l.log.Error("the table can't be written any more; free space on the disk or mend it, then start again. Nothing that was answered is lost",
		"event", "store.fatal", "error", fmt.Sprintf(format, args...))
	os.Exit(1)
}
