package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/zap"

	"tallygate/admin"
	"tallygate/cmd/internal/durable"
	"tallygate/disconnect"
	"tallygate/notice"
	"tallygate/radiusd"
	"tallygate/store"
)

// stopTimeout is how long an orderly end may take. systemd's patience, 90 s, is longer.
const stopTimeout = 20 * time.Second

// addressesFile says, in the data directory, where a running gateway listens, so that
// scripts find ports that were chosen by the system.
const addressesFile = "addresses.json"

// app is a gateway, wired.
type app struct {
	config Config
	log    *zap.Logger
	level  zap.AtomicLevel
	store  *store.Store
	radius *radiusd.Server
	notice *notice.Service
	ender  *disconnect.Service
	admin  *admin.Server
	ready  atomic.Bool
	shown  certificate
	undo   []undo
}

// undo is how a step of the wiring is taken back.
type undo struct {
	what string
	do   func(context.Context) error
}

// addresses is the content of addressesFile.
type addresses struct {
	Auth   []string `json:"auth"`
	Acct   []string `json:"acct"`
	RadSec []string `json:"radsec,omitempty"`
	Admin  string   `json:"admin,omitempty"`
	Socket string   `json:"socket"`
	PID    int      `json:"pid"`
}

// newApp wires a gateway and binds everything; nothing is served before serve. When a
// step fails, those before it are taken back.
func newApp(config Config, stderr io.Writer) (*app, error) {
	a := &app{config: config, level: zap.NewAtomicLevel()}
	setLevel(a.level, config.Log.Level)
	a.log = newLogger(stderr, config.Log.Format, a.level)
	if err := a.wire(); err != nil {
		return nil, errors.Join(err, a.stop())
	}
	return a, nil
}

// wire is one straight line on purpose: what starts before what can be read off.
func (a *app) wire() (err error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo())

	a.store, err = store.Open(store.Options{
		Dir: a.config.DataDir, CacheCapacity: int(a.config.MACCache.Capacity), Issuers: a.config.Issuers,
		KeepRaw: a.config.KeepRaw, Keep: a.config.Retention.keep(), MACStorage: a.config.Privacy.MACStorage,
		Log: a.log.Named("store"), Metrics: registry,
	})
	if err != nil {
		return err
	}
	a.onStop("store", func(context.Context) error { return a.store.Close() })

	a.radius, err = radiusd.Listen(radiusd.Options{
		Auth: a.config.Radius.Auth, Acct: a.config.Radius.Acct,
		Sockets: int(a.config.Radius.Sockets), ReceiveBuffer: int(a.config.Radius.ReceiveBuffer),
		RejectDelay: a.config.Radius.rejectDelay(), ClassKey: a.store.ClassKey(), TraceHistory: int(a.config.Trace.History),
		RadSec:  a.config.Radius.RadSec.options(),
		Journal: a.store, Claims: a.store, Learner: a.store, Makes: a.store, Passes: a.store.Passes(), Devices: a.store.Online(),
		Log: a.log.Named("radius"), Metrics: registry, Now: a.store.Now,
	})
	if err != nil {
		return err
	}
	a.onStop("radius", a.radius.Close)
	if err := a.store.NamelessSessions(context.Background(), a.radius.Remember); err != nil {
		return err
	}

	a.ender, err = disconnect.New(disconnect.Options{
		Book: a.store, Source: a.config.Disconnect.source(), Rate: int(a.config.Disconnect.Rate), Total: int(a.config.Disconnect.TotalRate),
		Log: a.log.Named("disconnect"), Metrics: registry, Now: a.store.Now,
	})
	if err != nil {
		return err
	}
	a.onStop("disconnect's sockets", a.ender.Close) // for when what follows fails

	gauges := newStateMetrics(a.store, a.store.Now)
	registry.MustRegister(gauges)
	a.store.Subscribe(func(s store.Snapshot) {
		gauges.publish(s)
		a.radius.Publish(radiusd.NewSnapshot(s.Clients, s.Locations, s.Venues))
		a.ender.Publish(disconnect.Snapshot{Clients: s.Clients, Locations: s.Locations, Venues: s.Venues})
	})

	smtp, err := a.config.smtp()
	if err != nil {
		return err
	}
	a.notice, err = notice.New(notice.Options{
		Ledger: a.store, SMTP: smtp, AllowPrivate: a.config.Notices.Webhooks.AllowPrivate,
		Log: a.log.Named("notice"), Metrics: registry, Now: a.store.Now,
	})
	if err != nil {
		return err
	}
	a.onStop("notices", a.notice.Close)

	var secured *tls.Config
	if a.config.Admin.TLS.on() {
		if err := a.shown.read(a.config.Admin.TLS); err != nil {
			return err
		}
		secured = a.shown.tls()
	}
	a.admin, err = admin.Listen(admin.Options{
		Socket: a.config.socket(), Listen: a.config.Admin.Listen, TLS: secured, InsecureHTTP: a.config.Admin.InsecureHTTP,
		Store: a.store, Courier: a.notice, Ender: a.ender, Air: a.radius, Ready: a.readiness, Metrics: registry, Registerer: registry, Log: a.log.Named("admin"), Now: a.store.Now,
	})
	if err != nil {
		return err
	}
	a.onStop("admin", a.admin.Close)
	// Before admin: who waits there for sessions to end must not hold it up.
	a.onStop("disconnect", a.ender.Close)
	// Whoever watches would hold up admin's end.
	a.onStop("traces", func(context.Context) error { a.radius.EndTraces(); return nil })

	path := filepath.Join(a.config.DataDir, addressesFile)
	a.onStop("addresses", func(context.Context) error { return os.Remove(path) })
	text, err := json.Marshal(a.addresses())
	if err != nil {
		return err
	}
	return durable.WriteFile(path, append(text, '\n'), 0o644)
}

func (a *app) onStop(what string, do func(context.Context) error) {
	a.undo = append(a.undo, undo{what, do})
}

// serve starts to answer and returns at once.
func (a *app) serve() {
	a.radius.Serve()
	a.notice.Serve()
	a.ender.Serve()
	a.ready.Store(true)
	a.admin.Serve()
	at := a.addresses()
	a.log.Info("serving", zap.String("version", buildVersion()), zap.Strings("auth", at.Auth), zap.Strings("acct", at.Acct),
		zap.Strings("radsec", at.RadSec), zap.String("admin", at.Admin), zap.String("data_dir", a.config.DataDir), zap.Int("issuers", len(a.config.Issuers)))
	if len(a.config.Issuers) == 0 {
		a.log.Warn("no issuers are configured: no key can be activated",
			zap.String("what_to_do", "add your distributor's public key under issuers, then send SIGHUP"))
	}
}

// readiness is nil while accounting can be stored and answered.
func (a *app) readiness() error {
	switch {
	case !a.ready.Load():
		return errors.New("starting, or stopping")
	case !a.store.Writable():
		return errors.New("the store cannot be written: free disk space; service resumes by itself")
	}
	return nil
}

func (a *app) addresses() addresses {
	at := addresses{Admin: a.admin.Addr(), Socket: a.config.socket(), PID: os.Getpid()}
	for _, p := range a.radius.AuthAddrs() {
		at.Auth = append(at.Auth, p.String())
	}
	for _, p := range a.radius.AcctAddrs() {
		at.Acct = append(at.Acct, p.String())
	}
	for _, p := range a.radius.RadSecAddrs() {
		at.RadSec = append(at.RadSec, p.String())
	}
	return at
}

// reload takes over what may change while serving: the log level, the issuers, and the
// certificates of HTTPS and RadSec.
func (a *app) reload(path string) {
	next, err := loadConfig(path)
	if err != nil {
		a.log.Error("configuration not re-read; the one in force stays", zap.Error(err))
		return
	}
	setLevel(a.level, next.Log.Level)
	a.store.SetIssuers(next.Issuers)
	a.config.Log.Level, a.config.Issuers = next.Log.Level, next.Issuers
	a.reloadCertificate(next.Admin.TLS)
	if files := next.Radius.RadSec; len(a.config.Radius.RadSec.Listen) > 0 && len(files.Listen) > 0 {
		if err := a.radius.ReloadRadSec(files.files()); err != nil {
			a.log.Error("RadSec certificates not re-read; those in force stay", zap.Error(err), zap.String("what_to_do", hintOf(err)))
		} else {
			a.config.Radius.RadSec = a.config.Radius.RadSec.withFiles(files)
		}
	}
	a.log.Info("configuration re-read", zap.String("level", next.Log.Level), zap.Int("issuers", len(next.Issuers)))
	if !reflect.DeepEqual(next, a.config) {
		a.log.Warn("other settings have changed in the configuration: they take effect at the next start")
	}
}

// reloadCertificate reads the certificate anew, also from other files. TLS itself is
// turned on and off by a start.
func (a *app) reloadCertificate(next TLSConfig) {
	if !a.config.Admin.TLS.on() || !next.on() {
		return
	}
	if err := a.shown.read(next); err != nil {
		a.log.Error("certificate not re-read; the one in force stays", zap.Error(err))
		return
	}
	a.config.Admin.TLS = next
}

// stop takes the wiring back, last step first, in bounded time: admin, then RADIUS,
// which drains into the store, then the store. It may be called once.
func (a *app) stop() error {
	a.ready.Store(false)
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var failed []error
	for _, u := range slices.Backward(a.undo) {
		if err := u.do(ctx); err != nil {
			failed = append(failed, fmt.Errorf("stopping %s: %w", u.what, err))
		}
	}
	return errors.Join(failed...)
}
