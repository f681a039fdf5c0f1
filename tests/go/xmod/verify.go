// Command verify checks an exported log and receipts with Go's golang.org/x/mod/sumdb/{note,tlog}:
// code that shares nothing with ours. See ../check_export.sh.
//
//	verify ORIGIN VKEYFILE DIR [RECEIPT...]
//
// DIR is a C2SP tlog-tiles folder; a RECEIPT is a C2SP tlog-proof whose `extra` carries the leaf as
// u8 version = 1 || BE16 length || leaf (merkle/opening.h). Exit code 0 only if all of it verifies.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: verify ORIGIN VKEYFILE DIR [RECEIPT...]")
		os.Exit(64)
	}
	origin, dir := os.Args[1], os.Args[3]
	vkey, err := os.ReadFile(os.Args[2])
	check("vkey", err)
	verifier, err := note.NewVerifier(strings.TrimSpace(string(vkey)))
	check("vkey", err)

	signed, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	check("checkpoint", err)
	tree, err := openCheckpoint(signed, origin, verifier)
	check("checkpoint", err)
	check("export", checkExport(dir, tree))
	fmt.Printf("x/mod: checkpoint, tiles and %d entries of %s verify\n", tree.N, origin)

	for _, path := range os.Args[4:] {
		index, err := checkReceipt(path, origin, verifier, dir, tree)
		check(path, err)
		fmt.Printf("x/mod: receipt %s verifies (entry %d)\n", path, index)
	}
}

func check(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "x/mod: REFUSED %s: %v\n", what, err)
		os.Exit(1)
	}
}

func openCheckpoint(signed []byte, origin string, verifier note.Verifier) (tlog.Tree, error) {
	var tree tlog.Tree
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != origin {
		return tree, fmt.Errorf("not a checkpoint of %s", origin)
	}
	tree.N, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

// tilePath is c2sp.org/tlog-tiles' path of an x/mod tile, which calls it tile/8/<L>/<N>.
func tilePath(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
}

func entriesPath(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
}

// files reads tiles from the folder; TileHashReader checks them against the root.
type files struct{ dir string }

func (f files) Height() int { return tileHeight }

func (f files) SaveTiles([]tlog.Tile, [][]byte) {}

func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(f.dir, tilePath(tile)))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", tilePath(tile), len(data))
		}
		out = append(out, data)
	}
	return out, nil
}

// checkExport compares every entry with the leaf hash its tile has under the root, and every tile
// with the one computed from the hashes below.
func checkExport(dir string, tree tlog.Tree) error {
	reader := tlog.TileHashReader(tree, files{dir})
	for n := int64(0); n*256 < tree.N; n++ {
		width := 256
		if left := tree.N - n*256; left < 256 {
			width = int(left)
		}
		tile := tlog.Tile{H: tileHeight, L: 0, N: n, W: width}
		if err := checkBundle(dir, tile, reader); err != nil {
			return err
		}
	}
	for _, tile := range tlog.NewTiles(tileHeight, 0, tree.N) {
		want, err := tlog.ReadTileData(tile, reader)
		if err != nil {
			return err
		}
		got, err := os.ReadFile(filepath.Join(dir, tilePath(tile)))
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("%s is not the tile of this tree", tilePath(tile))
		}
	}
	return nil
}

func checkBundle(dir string, tile tlog.Tile, reader tlog.HashReader) error {
	path := entriesPath(tile)
	rest, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		return err
	}
	var indexes []int64
	for i := 0; i < tile.W; i++ {
		indexes = append(indexes, tlog.StoredHashIndex(0, tile.N*256+int64(i)))
	}
	hashes, err := reader.ReadHashes(indexes)
	if err != nil {
		return err
	}
	for i := 0; i < tile.W; i++ {
		if len(rest) < 2 || len(rest) < 2+int(binary.BigEndian.Uint16(rest)) {
			return fmt.Errorf("%s is cut short", path)
		}
		end := 2 + int(binary.BigEndian.Uint16(rest))
		if tlog.RecordHash(rest[2:end]) != hashes[i] {
			return fmt.Errorf("entry %d is not what the tree has", tile.N*256+int64(i))
		}
		rest = rest[end:]
	}
	if len(rest) != 0 {
		return fmt.Errorf("%s has trailing bytes", path)
	}
	return nil
}

// checkReceipt also proves, with the folder's tiles, that the receipt's head and the folder's are
// of one history.
func checkReceipt(path, origin string, verifier note.Verifier, dir string, tree tlog.Tree) (int64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	head, signed, found := strings.Cut(string(data), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" ||
		!strings.HasPrefix(lines[1], "extra ") || !strings.HasPrefix(lines[2], "index ") {
		return 0, errors.New("not a tlog-proof with extra")
	}
	leaf, err := leafOfExtra(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return 0, err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return 0, err
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return 0, err
		}
		proof = append(proof, hash)
	}
	receiptTree, err := openCheckpoint([]byte(signed), origin, verifier)
	if err != nil {
		return 0, err
	}
	err = tlog.CheckRecord(proof, receiptTree.N, receiptTree.Hash, index, tlog.RecordHash(leaf))
	if err != nil {
		return 0, err
	}
	if receiptTree.N > tree.N {
		return 0, fmt.Errorf("its head (%d) is newer than the export's (%d)", receiptTree.N, tree.N)
	}
	older, err := tlog.TreeHash(receiptTree.N, tlog.TileHashReader(tree, files{dir}))
	if err == nil && older != receiptTree.Hash {
		err = errors.New("FORK: its signed head is not in the history of the export's")
	}
	return index, err
}

func leafOfExtra(text string) ([]byte, error) {
	extra, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	if len(extra) < 3 || extra[0] != 1 || len(extra) < 3+int(binary.BigEndian.Uint16(extra[1:])) {
		return nil, errors.New("extra does not carry a leaf")
	}
	return extra[3 : 3+int(binary.BigEndian.Uint16(extra[1:]))], nil
}
