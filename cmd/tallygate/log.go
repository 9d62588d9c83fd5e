package main

import (
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Of messages that are alike, this many are logged each second, and from there every
// hundredth: a flood of bad packets must not fill the disk.
const (
	logFirst      = 100
	logThereafter = 100
)

// newLogger logs to w; level can be changed while it runs.
func newLogger(w io.Writer, format string, level zap.AtomicLevel) *zap.Logger {
	c := zap.NewProductionEncoderConfig()
	c.TimeKey, c.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
	c.EncodeDuration = zapcore.StringDurationEncoder
	encoder := zapcore.NewJSONEncoder(c)
	if format == logConsole {
		c.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(c)
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level)
	return zap.New(zapcore.NewSamplerWithOptions(core, time.Second, logFirst, logThereafter))
}

// setLevel applies a level name that the configuration check has let through.
func setLevel(level zap.AtomicLevel, name string) {
	if l, err := zapcore.ParseLevel(name); err == nil {
		level.SetLevel(l)
	}
}
