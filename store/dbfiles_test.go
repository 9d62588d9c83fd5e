package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"tallygate/macwatch"
)

// logSize is the length of the write-ahead log's file, and of what is in it, in octets.
func (v *venue) logSize() (file, used int64) {
	v.t.Helper()
	require.True(v.t, v.s.onWriter(func() {
		info, err := os.Stat(filepath.Join(v.dir, "tallygate.db-wal"))
		require.NoError(v.t, err)
		frames, err := walFrames(v.s.w.conn, "NOOP")
		require.NoError(v.t, err)
		file, used = info.Size(), int64(frames)*walFrame
	}))
	return file, used
}

// The log has room before the writer comes to its end, a step at a time; after a crash the
// zeros in it are nothing, and what stands before them is all there.
func TestTheLogHasRoom(t *testing.T) {
	v := openVenue(t)
	file, used := v.logSize()
	require.Less(t, file-used, int64(walStep)/2, "little was written: it is as long as that")
	guests := 0
	for used < 2*walSmall*walFrame {
		for range walLook {
			v.sight(v.record(guests, macwatch.StatusStart))
			guests++
		}
		before := file
		file, used = v.logSize()
		require.LessOrEqual(t, file-before, int64(walStep)+walLook*10*walFrame, "a step at a time")
	}
	require.Greater(t, file-used, int64(walStep)/2, "there is room")
	v.crash(t.TempDir())
	require.Len(t, v.sessions(), guests)
	v.sight(v.record(guests, macwatch.StatusStart))
	v.crash(t.TempDir())
	require.Len(t, v.sessions(), guests+1, "what came after it, too")
	v.restart()
	require.NotNil(t, v.s.files.log, "an orderly stop removes the log; the start makes it")
}

// The log's file does not grow without end by itself.
func TestTheLogsRoomIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	for _, name := range []string{path, path + "-wal"} {
		require.NoError(t, os.WriteFile(name, nil, 0o600))
	}
	f, err := openDBFiles(path)
	require.NoError(t, err)
	for range 3 * walRoom / walStep {
		f.extend(walTooLong)
	}
	info, err := os.Stat(path + "-wal")
	require.NoError(t, err)
	require.Equal(t, int64(walRoom), info.Size())
	f.settle(0)
	require.NoError(t, f.close())
}

// Without a log's file, as with no room on the disk, all goes on.
func TestWithoutALogThereIsNoRoom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	_, err := openDBFiles(path)
	require.ErrorContains(t, err, "cannot open the database")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	f, err := openDBFiles(path)
	require.NoError(t, err)
	f.extend(walTooLong)
	require.NoFileExists(t, path+"-wal")
	require.NoError(t, f.close())
}
