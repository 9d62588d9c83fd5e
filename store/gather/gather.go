// Package gather is a virtual file system of SQLite's that writes all frames of a transaction to
// the write-ahead log with one system call. SQLite makes two for each page, the header of a frame
// and the page, and they cost more than what they write: of a batch of 50 records a quarter of
// what its commit takes of the processor.
//
// What is written is the same, at the same places, before COMMIT goes on to bring it to the disk
// and to tell other connections of it: the last frame of a transaction says that it is the last,
// and when it is there, everything is written. An error of that writing is the commit's.
package gather

/*
#cgo CFLAGS: -O2
#include "gather.h"
*/
import "C"

import (
	"fmt"
	"sync"

	_ "github.com/mattn/go-sqlite3" // has the SQLite that gather.c calls
)

// VFS is its name, for `vfs=` in a data source name, once Register has been called.
const VFS = "gather"

// Register makes it known to SQLite. SQLite keeps its list of them for the whole process: so this
// is done once, however often it is called.
var Register = sync.OnceValue(func() error {
	if code := C.gather_register(C.CString(VFS)); code != 0 {
		return fmt.Errorf("SQLite takes no file system of ours: result code %d", int(code))
	}
	return nil
})
