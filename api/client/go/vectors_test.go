package auditledger

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
)

const peter = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

// seal reads one of the vectors that all our implementations share.
func seal[T any](t *testing.T, name string) T {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../../tests/testdata/seal", name))
	if err != nil {
		t.Fatal(err)
	}
	var out T
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// public reads a public vector file; the test is skipped where shared/ is absent, but not in CI.
func public(t *testing.T, name string) []byte {
	t.Helper()
	shared := os.Getenv("AUDITLEDGER_SHARED")
	if shared == "" {
		shared = "../../../../shared"
	}
	data, err := os.ReadFile(filepath.Join(shared, "testdata/vectors", name))
	if errors.Is(err, os.ErrNotExist) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func publicAs[T any](t *testing.T, name string) T {
	t.Helper()
	var out T
	if err := json.Unmarshal(public(t, name), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// unhex reads 'ab 61*300 cd': ab, 300 times 61, cd.
func unhex(t *testing.T, text string) []byte {
	t.Helper()
	out := []byte{}
	for _, token := range strings.Fields(text) {
		unit, times, repeated := strings.Cut(token, "*")
		count := 1
		if repeated {
			count, _ = strconv.Atoi(times)
		}
		data, err := hex.DecodeString(unit)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, bytes.Repeat(data, count)...)
	}
	return out
}

func unbase64(t *testing.T, text string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// codeOf is OK, or that of a ReceiptError.
func codeOf(err error) codes.Code {
	var refused *ReceiptError
	if err == nil {
		return codes.OK
	}
	if errors.As(err, &refused) {
		return refused.Code
	}
	return codes.Unknown
}

func expect(t *testing.T, name string, want codes.Code, err error) {
	t.Helper()
	if got := codeOf(err); got != want {
		t.Errorf("%s: %v, want %v (%v)", name, got, want, err)
	}
}

func TestAnEventFromItsBytesToItsLeaf(t *testing.T) {
	type vector struct {
		Name, Event, Seed, Header, Commitment, Leaf string
		LeafHash                                    string `json:"leaf_hash"`
		UnitCount                                   int    `json:"unit_count"`
		EventTimeUs                                 uint64 `json:"event_time_us"`
		Units                                       []struct {
			Path  [3]uint32
			Bytes string
		}
	}
	vectors := seal[struct{ Vectors []vector }](t, "events.json").Vectors
	for _, v := range vectors {
		event, seed, head := unhex(t, v.Event), unhex(t, v.Seed), unhex(t, v.Header)
		units, err := cutUnits(event)
		if err != nil || len(units) != v.UnitCount {
			t.Fatalf("%s: %d units, %v", v.Name, len(units), err)
		}
		for i, want := range v.Units {
			got := units[i]
			if want.Path != [3]uint32{got.field, got.occurrence, got.subfield} ||
				!bytes.Equal(got.bytes, unhex(t, want.Bytes)) {
				t.Errorf("%s: unit %d is %v", v.Name, i, got)
			}
		}
		if time, err := eventTimeUs(units); time != v.EventTimeUs || err != nil {
			t.Errorf("%s: time %d, %v", v.Name, time, err)
		}
		if made := commitment(seed, head, units); !bytes.Equal(made[:], unhex(t, v.Commitment)) {
			t.Errorf("%s: commitment %x", v.Name, made)
		}
		if hashed := leafHash(unhex(t, v.Leaf)); !bytes.Equal(hashed[:], unhex(t, v.LeafHash)) {
			t.Errorf("%s: leaf hash %x", v.Name, hashed)
		}
		leaf, err := parseLeaf(unhex(t, v.Leaf))
		expect(t, v.Name, codes.OK, err)
		expect(t, v.Name, codes.OK, verifyOpening(leaf, seed, head, event))
	}
	if len(vectors) < 30 {
		t.Errorf("%d vectors", len(vectors))
	}
}

func TestOpenings(t *testing.T) {
	verdicts := map[string]codes.Code{
		"verified": codes.OK, "differs": codes.DataLoss, "malformed": codes.InvalidArgument}
	checked := 0
	type vector struct{ Name, Verdict, Blames, Leaf, Opening string }
	for _, v := range seal[struct{ Vectors []vector }](t, "openings.json").Vectors {
		leaf, err := parseLeaf(unhex(t, v.Leaf))
		expect(t, v.Name, codes.OK, err)
		// Tags are checked by whoever has the index key; other kinds are no receipts of events.
		if v.Blames == "tags" || v.Blames == "UTF-8" || leaf.kind != kindEvent {
			continue
		}
		opening := unhex(t, v.Opening)
		r := &layoutReader{rest: opening[33:]}
		head := r.bytes16()
		checked++
		expect(t, v.Name, verdicts[v.Verdict],
			verifyOpening(leaf, opening[1:33], head, r.rest[4:]))
	}
	if checked < 30 {
		t.Errorf("%d openings checked", checked)
	}
}

func TestHostileBytesAreRefused(t *testing.T) {
	ofUnits := func(read func([]unit) error) func([]byte) error {
		return func(data []byte) error {
			units, err := cutUnits(data)
			if err != nil {
				return err
			}
			return read(units)
		}
	}
	parsers := map[string]func([]byte) error{
		"units":    ofUnits(func([]unit) error { return nil }),
		"leaf":     func(data []byte) error { _, err := parseLeaf(data); return err },
		"header":   func(data []byte) error { _, err := parseHeader(data); return err },
		"time":     ofUnits(func(u []unit) error { _, err := eventTimeUs(u); return err }),
		"identity": ofUnits(func(u []unit) error { _, err := eventIdentity(u); return err }),
	}
	checked := 0
	type vector struct{ Parser, Name, Bytes string }
	for _, v := range seal[struct{ Vectors []vector }](t, "hostile.json").Vectors {
		if parse, ok := parsers[v.Parser]; ok {
			checked++
			expect(t, v.Name, codes.InvalidArgument, parse(unhex(t, v.Bytes)))
		}
	}
	if checked < 100 {
		t.Errorf("%d checked", checked)
	}
}

// verdicts counts the cases of a file that were accepted and refused, as they should be.
func verdicts[T any](t *testing.T, name string, verify func(T) error) (accepted, refused int) {
	for _, line := range bytes.Split(bytes.TrimSpace(public(t, name)), []byte("\n")) {
		var about struct {
			File    string
			WantErr bool
		}
		var test T
		if json.Unmarshal(line, &about) != nil || json.Unmarshal(line, &test) != nil {
			t.Fatalf("%s: %s", name, line)
		}
		if strings.HasSuffix(about.File, "/sizes-are-equal-one-and-proof-is-empty.json") {
			continue // two equal roots of twelve bytes
		}
		err := verify(test)
		if (err != nil) != about.WantErr {
			t.Errorf("%s: %v", about.File, err)
		}
		if err == nil {
			accepted++
		} else {
			refused++
		}
	}
	return accepted, refused
}

func TestPublicProofs(t *testing.T) {
	type inclusion struct {
		LeafIdx, TreeSize uint64
		Root, LeafHash    []byte
		Proof             [][]byte
	}
	accepted, refused := verdicts(t, "merkle/inclusion.jsonl", func(c inclusion) error {
		fixed, err := toHashes([][]byte{c.LeafHash, c.Root}, 2)
		if err != nil {
			return err
		}
		return verifyInclusion(c.LeafIdx, c.TreeSize, fixed[0], c.Proof, fixed[1])
	})
	if accepted != 6 || refused != 92 {
		t.Errorf("inclusion: %d accepted, %d refused", accepted, refused)
	}
	type consistency struct {
		Size1, Size2 uint64
		Root1, Root2 []byte
		Proof        [][]byte
	}
	accepted, refused = verdicts(t, "merkle/consistency.jsonl", func(c consistency) error {
		fixed, err := toHashes([][]byte{c.Root1, c.Root2}, 2)
		if err != nil {
			return err
		}
		return verifyConsistency(c.Size1, fixed[0], c.Size2, fixed[1], c.Proof)
	})
	if accepted != 5 || refused != 92 {
		t.Errorf("consistency: %d accepted, %d refused", accepted, refused)
	}
}

func TestSignedNotes(t *testing.T) {
	type note struct {
		Note, Why, Vkey string
		NoteBase64      string `json:"note_base64"`
		Vkeys           []string
	}
	vectors := publicAs[struct {
		Good, Malformed, Unverified []note
		Bad                         []note `json:"known_key_bad_signature"`
		BadVkeys                    []note `json:"bad_vkeys"`
	}](t, "note/signed-note.json")
	key, err := parseVkey(peter)
	expect(t, "peter", codes.OK, err)
	for _, v := range vectors.Good {
		for _, vkey := range v.Vkeys {
			key, err := parseVkey(vkey)
			expect(t, vkey, codes.OK, err)
			_, err = openNote(v.Note, key)
			expect(t, v.Note, codes.OK, err)
		}
	}
	for _, v := range vectors.Malformed {
		_, err := openNote(string(unbase64(t, v.NoteBase64)), key)
		expect(t, v.Why, codes.InvalidArgument, err)
	}
	for _, v := range vectors.Bad {
		_, err := openNote(string(unbase64(t, v.NoteBase64)), key)
		expect(t, "a bad line", codes.DataLoss, err)
	}
	for _, v := range vectors.Unverified {
		_, err := openNote(v.Note, key)
		expect(t, v.Note, codes.Unauthenticated, err)
	}
	for _, v := range vectors.BadVkeys {
		_, err := parseVkey(v.Vkey)
		expect(t, v.Why, codes.InvalidArgument, err)
	}
	for cut := range peter { // nothing less than all of it is one
		for _, part := range []string{peter[:cut], peter[cut+1:]} {
			_, err := parseVkey(part)
			expect(t, part, codes.InvalidArgument, err)
		}
	}
}

func TestVkeysOfOtherTypesAreNoLogs(t *testing.T) {
	type vkey struct {
		Type int
		Vkey string
	}
	for _, v := range publicAs[struct{ Vkeys []vkey }](t, "note/vkeys-other-types.json").Vkeys {
		if _, err := parseVkey(v.Vkey); v.Type != noteEd25519 {
			expect(t, v.Vkey, codes.InvalidArgument, err)
		}
	}
}

func TestCheckpointsOfALogByOthers(t *testing.T) {
	log := publicAs[struct {
		Origin, Vkey string
		Checkpoints  []string `json:"checkpoints_by_size"`
	}](t, "tlog/tessera-testlog.json")
	pinned, err := NewPinnedLog(log.Origin, log.Vkey)
	expect(t, "vkey", codes.OK, err)
	for size, note := range log.Checkpoints {
		head, err := pinned.OpenHead(note)
		if err != nil || head.Size != uint64(size) {
			t.Errorf("size %d: %v, %v", size, head, err)
		}
	}
}

func TestEd25519(t *testing.T) {
	type group struct {
		PublicKey struct{ Pk string }
		Tests     []struct {
			TcID             int
			Msg, Sig, Result string
		}
	}
	for _, g := range publicAs[struct{ TestGroups []group }](t, "ed25519/wycheproof_ed25519_test.json").TestGroups {
		key := &verifierKey{publicKey: ed25519.PublicKey(unhex(t, g.PublicKey.Pk))}
		for _, c := range g.Tests {
			want := codes.DataLoss
			if c.Result == "valid" {
				want = codes.OK
			}
			expect(t, strconv.Itoa(c.TcID), want,
				key.verify(string(unhex(t, c.Msg)), unhex(t, c.Sig)))
		}
	}
}
