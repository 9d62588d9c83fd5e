#include "gather.h"

#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

/* Layout of a write-ahead log (https://sqlite.org/walformat.html). */
enum {
  logHeader = 32,
  frameHeader = 24,
  sizeAfterCommit = 4, /* in a frame's header: not 0 in the last frame of a transaction */
  room = 0x1ffff, /* the system's own VFS writes no more at once (seekAndWriteFd in os_unix.c) */
};

/* A log is a write-ahead log whose frames are gathered. The file of the system's own VFS
** follows it in memory. */
typedef struct {
  sqlite3_file base;
  char *gathered;     /* frames, the last one perhaps without its page */
  int length;         /* of them */
  int ends;           /* the last one is a transaction's last */
  sqlite3_int64 at;   /* where in the file they belong */
  sqlite3_int64 next; /* where the next frame belongs; -1: not known, or its page is next */
  sqlite3_int64 page; /* where the page of a header that was not gathered belongs; -1: there is none */
} log_t;

static sqlite3_file *under(sqlite3_file *f) { return (sqlite3_file *)((log_t *)f + 1); }

static void forget(log_t *l) {
  l->length = 0;
  l->next = l->page = -1;
}

/* put writes what is gathered. When that fails, so does the transaction that it belongs to, of
** which SQLite has not told anybody yet. */
static int put(log_t *l) {
  if (l->length == 0) return SQLITE_OK;
  sqlite3_file *u = under(&l->base);
  int rc = u->pMethods->xWrite(u, l->gathered, l->length, l->at);
  l->length = 0;
  if (rc != SQLITE_OK) forget(l);
  return rc;
}

static void gather(log_t *l, const void *from, int n, sqlite3_int64 at) {
  if (l->length == 0) l->at = at;
  memcpy(l->gathered + l->length, from, n);
  l->length += n;
}

/* pass writes what is not gathered: the log's own header, a frame that is written anew in its
** place, and the first one after such, from which on it is known where frames belong. */
static int pass(log_t *l, const void *from, int n, sqlite3_int64 at) {
  int rc = put(l);
  if (rc == SQLITE_OK) rc = under(&l->base)->pMethods->xWrite(under(&l->base), from, n, at);
  if (rc != SQLITE_OK) {
    forget(l);
    return rc;
  }
  if ((n == logHeader && at == 0) || at == l->page) l->next = at + n;
  l->page = n == frameHeader ? at + n : -1;
  return SQLITE_OK;
}

static int logWrite(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
  log_t *l = (log_t *)f;
  if (n == frameHeader && at == l->next) {
    const unsigned char *size = (const unsigned char *)from + sizeAfterCommit;
    l->ends = size[0] | size[1] | size[2] | size[3];
    gather(l, from, n, at);
    l->next = l->page = -1;
    return SQLITE_OK;
  }
  if (l->length > 0 && l->next < 0 && at == l->at + l->length && l->length + n <= room) {
    gather(l, from, n, at);
    l->next = at + n;
    return l->ends || l->length + frameHeader + n > room ? put(l) : SQLITE_OK; /* the next one is as long */
  }
  return pass(l, from, n, at);
}

static int logRead(sqlite3_file *f, void *to, int n, sqlite3_int64 at) {
  int rc = put((log_t *)f);
  return rc != SQLITE_OK ? rc : under(f)->pMethods->xRead(under(f), to, n, at);
}

static int logSync(sqlite3_file *f, int flags) {
  int rc = put((log_t *)f);
  return rc != SQLITE_OK ? rc : under(f)->pMethods->xSync(under(f), flags);
}

static int logFileSize(sqlite3_file *f, sqlite3_int64 *size) {
  int rc = put((log_t *)f);
  return rc != SQLITE_OK ? rc : under(f)->pMethods->xFileSize(under(f), size);
}

/* What is left when the log begins anew, or is closed, belongs to a transaction that was rolled back. */

static int logTruncate(sqlite3_file *f, sqlite3_int64 size) {
  forget((log_t *)f);
  return under(f)->pMethods->xTruncate(under(f), size);
}

static int logClose(sqlite3_file *f) {
  free(((log_t *)f)->gathered);
  return under(f)->pMethods->xClose(under(f));
}

static int logLock(sqlite3_file *f, int level) { return under(f)->pMethods->xLock(under(f), level); }
static int logUnlock(sqlite3_file *f, int level) { return under(f)->pMethods->xUnlock(under(f), level); }
static int logCheckReservedLock(sqlite3_file *f, int *out) { return under(f)->pMethods->xCheckReservedLock(under(f), out); }
static int logFileControl(sqlite3_file *f, int op, void *arg) { return under(f)->pMethods->xFileControl(under(f), op, arg); }
static int logSectorSize(sqlite3_file *f) { return under(f)->pMethods->xSectorSize(under(f)); }
static int logDeviceCharacteristics(sqlite3_file *f) { return under(f)->pMethods->xDeviceCharacteristics(under(f)); }

static const sqlite3_io_methods logMethods = {
    1,          logClose,  logRead,              logWrite,       logTruncate,   logSync,
    logFileSize, logLock,  logUnlock,            logCheckReservedLock, logFileControl, logSectorSize,
    logDeviceCharacteristics,
};

static sqlite3_vfs *system_vfs; /* the one that is used where none is asked for */
static sqlite3_vfs gathering;

static int open_file(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out) {
  (void)v;
  if (!(flags & SQLITE_OPEN_WAL)) return system_vfs->xOpen(system_vfs, name, f, flags, out);
  log_t *l = (log_t *)f;
  memset(l, 0, sizeof(*l));
  forget(l);
  if (!(l->gathered = malloc(room))) return SQLITE_NOMEM;
  int rc = system_vfs->xOpen(system_vfs, name, under(f), flags, out);
  if (rc != SQLITE_OK) {
    if (under(f)->pMethods) under(f)->pMethods->xClose(under(f)); /* since base has no methods, SQLite will not */
    free(l->gathered);
    return rc;
  }
  l->base.pMethods = &logMethods;
  return SQLITE_OK;
}

int gather_register(const char *name) {
  system_vfs = sqlite3_vfs_find(0);
  if (!system_vfs) return SQLITE_NOMEM;
  gathering = *system_vfs;
  gathering.pNext = 0;
  gathering.zName = name;
  gathering.szOsFile = (int)sizeof(log_t) + system_vfs->szOsFile;
  gathering.xOpen = open_file;
  return sqlite3_vfs_register(&gathering, 0);
}
