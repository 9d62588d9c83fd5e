package main

import (
	"path/filepath"
	"time"

	"go.uber.org/zap/zapcore"

	"tallygate/disconnect"
	"tallygate/notice"
	"tallygate/radiusd"
	"tallygate/store"
)

// Config is the configuration file: the settings of the process. Organizations,
// Locations, clients and licenses live in the store instead. A key left out keeps the
// value that defaultConfig gives it.
type Config struct {
	// DataDir holds database, keys and admin.sock; created if absent. A relative path
	// starts from the working directory, not from the file's folder.
	DataDir    string           `yaml:"data_dir"`
	Radius     RadiusConfig     `yaml:"radius"`
	Admin      AdminConfig      `yaml:"admin"`
	Issuers    []string         `yaml:"issuers"` // k4.public.…; SIGHUP re-reads them
	MACCache   MACCacheConfig   `yaml:"mac_cache"`
	Log        LogConfig        `yaml:"log"`
	Notices    NoticesConfig    `yaml:"notices"`
	KeepRaw    bool             `yaml:"keep_raw"` // keep every accounting packet as it came
	Retention  RetentionConfig  `yaml:"retention"`
	Privacy    PrivacyConfig    `yaml:"privacy"`
	Disconnect DisconnectConfig `yaml:"disconnect"`
	Trace      TraceConfig      `yaml:"trace"`
}

// RadiusConfig is where RADIUS is served, and how.
type RadiusConfig struct {
	Auth          []string `yaml:"auth"`           // IP:port; port 0 picks a free one
	Acct          []string `yaml:"acct"`           // the same
	RejectDelay   Duration `yaml:"reject_delay"`   // 0s-5s
	Sockets       Whole    `yaml:"sockets"`        // per address, 1-64
	ReceiveBuffer Whole    `yaml:"receive_buffer"` // octets per socket, 64 KiB-1 GiB

	RadSec RadSecConfig `yaml:"radsec"`
}

// AdminConfig is where metrics, health and, to who carries a token, the API are served over TCP.
type AdminConfig struct {
	Listen       string    `yaml:"listen"` // IP:port; empty: nowhere
	TLS          TLSConfig `yaml:"tls"`
	InsecureHTTP bool      `yaml:"insecure_http"` // tokens over plain HTTP from other machines
}

// TLSConfig names a certificate and its key, PEM; both or neither. SIGHUP re-reads them.
type TLSConfig struct {
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
}

func (c TLSConfig) on() bool { return c.Certificate != "" }

// MACCacheConfig sizes the memory in front of the store.
type MACCacheConfig struct {
	Capacity Whole `yaml:"capacity"` // devices, 1 or more; about 100 octets each
}

// PrivacyConfig is what is stored of guests.
type PrivacyConfig struct {
	MACStorage string `yaml:"mac_storage"` // clear, or hmac: keyed pseudonyms instead of addresses, for good
}

// TraceConfig is how much of what was decided is remembered for `tallygate trace`.
type TraceConfig struct {
	History Whole `yaml:"history"` // events of each kind, 0-1000000; 0: none
}

// LogConfig is what is logged to standard error.
type LogConfig struct {
	Level  string `yaml:"level"`  // debug, info, warn or error; SIGHUP re-reads it
	Format string `yaml:"format"` // json or console
}

func defaultConfig() Config {
	return Config{
		DataDir: "./data",
		Radius: RadiusConfig{
			Auth:          []string{"127.0.0.1:1812"},
			Acct:          []string{"127.0.0.1:1813"},
			RejectDelay:   Duration(radiusd.DefaultRejectDelay),
			Sockets:       1,
			ReceiveBuffer: 8 << 20,
			RadSec:        RadSecConfig{Listen: []string{}, MinVersion: "1.2", Connections: 1024},
		},
		Admin:      AdminConfig{Listen: "127.0.0.1:8480"},
		Issuers:    []string{},
		MACCache:   MACCacheConfig{Capacity: 1_000_000},
		Log:        LogConfig{Level: zapcore.InfoLevel.String(), Format: logJSON},
		Disconnect: DisconnectConfig{Rate: disconnect.DefaultRate, TotalRate: disconnect.DefaultTotal},
		Trace:      TraceConfig{History: radiusd.DefaultTraceHistory},
		Notices:    NoticesConfig{SMTP: SMTPConfig{Port: 587, TLS: notice.TLSStart}},
		Privacy:    PrivacyConfig{MACStorage: store.MACClear},
	}
}

// socket is where the running gateway takes commands.
func (c Config) socket() string { return filepath.Join(c.DataDir, "admin.sock") }

// rejectDelay is RejectDelay for package time.
func (c RadiusConfig) rejectDelay() time.Duration { return time.Duration(c.RejectDelay) }
