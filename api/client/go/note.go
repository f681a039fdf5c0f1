package auditledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
)

const (
	maxNoteBytes    = 1_000_000
	maxSignatures   = 100
	noteEd25519     = 1
	signaturePrefix = "— "
)

// decodeBase64 takes the one text of each value.
func decodeBase64(what, text string) ([]byte, error) {
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(data) != text {
		return nil, malformed("%s: not canonical base64", what)
	}
	return data, nil
}

func isNoteName(name string) bool {
	return name != "" && utf8.ValidString(name) && !strings.ContainsFunc(name, func(c rune) bool {
		return c < 0x20 || c == '+' || unicode.IsSpace(c)
	})
}

// verifierKey is an Ed25519 key of a log.
type verifierKey struct {
	name      string
	id        string // four bytes
	publicKey ed25519.PublicKey
}

// parseVkey reads "name+hex8(key id)+base64(1 || key)".
func parseVkey(vkey string) (*verifierKey, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 || !isNoteName(parts[0]) {
		return nil, malformed("vkey: is not name+id+key")
	}
	key, err := decodeBase64("vkey: key", parts[2])
	if err != nil {
		return nil, err
	}
	if len(key) != 1+ed25519.PublicKeySize || key[0] != noteEd25519 {
		return nil, malformed("vkey: not an Ed25519 key of a log")
	}
	id := sha([]byte(parts[0]), []byte("\n"), key)
	if parts[1] != hex.EncodeToString(id[:4]) {
		return nil, malformed("vkey: the key ID is not that of name and key")
	}
	return &verifierKey{parts[0], string(id[:4]), ed25519.PublicKey(key[1:])}, nil
}

func (k *verifierKey) verify(text string, signature []byte) error {
	if len(signature) != ed25519.SignatureSize ||
		!ed25519.Verify(k.publicKey, []byte(text), signature) {
		return differs("note: the line of the pinned key does not verify")
	}
	return nil
}

func checkCharacters(what, text string) error {
	if !utf8.ValidString(text) {
		return malformed("%s: invalid UTF-8", what)
	}
	if strings.ContainsFunc(text, func(c rune) bool { return c < 0x20 && c != '\n' }) {
		return malformed("%s: control character", what)
	}
	return nil
}

type noteLine struct {
	name, id  string
	signature []byte
}

func parseLine(line string) (noteLine, error) {
	rest, ok := strings.CutPrefix(line, signaturePrefix)
	if !ok {
		return noteLine{}, malformed("note: a line after the text is no signature line")
	}
	name, encoded, ok := strings.Cut(rest, " ")
	if !ok || !isNoteName(name) {
		return noteLine{}, malformed("note: a signature line with a bad key name, or without signature")
	}
	signature, err := decodeBase64("note: signature", encoded)
	if err == nil && len(signature) < 5 {
		err = malformed("note: a signature of no bytes")
	}
	if err != nil {
		return noteLine{}, err
	}
	return noteLine{name, string(signature[:4]), signature[4:]}, nil
}

func parseNote(note string) (text string, lines []noteLine, err error) {
	if len(note) > maxNoteBytes {
		return "", nil, malformed("note: has %d bytes, at most %d", len(note), maxNoteBytes)
	}
	if err := checkCharacters("note", note); err != nil {
		return "", nil, err
	}
	split := strings.LastIndex(note, "\n\n") // the text may hold empty lines: the last one divides
	if split < 0 {
		return "", nil, malformed("note: no empty line before signatures")
	}
	text, rest := note[:split+1], note[split+2:]
	if !strings.HasSuffix(rest, "\n") {
		return "", nil, malformed("note: no signature, or a last line without its end")
	}
	for _, line := range strings.Split(rest[:len(rest)-1], "\n") {
		parsed, err := parseLine(line)
		if err != nil {
			return "", nil, err
		}
		lines = append(lines, parsed)
	}
	if len(lines) > maxSignatures {
		return "", nil, malformed("note: over %d signatures", maxSignatures)
	}
	return text, lines, nil
}

// openNote gives the text of a note that the key has signed; of its lines the first counts.
func openNote(note string, key *verifierKey) (string, error) {
	text, lines, err := parseNote(note)
	if err != nil {
		return "", err
	}
	for _, line := range lines {
		if line.name == key.name && line.id == key.id {
			return text, key.verify(text, line.signature)
		}
	}
	return "", &ReceiptError{Code: codes.Unauthenticated, Message: "note: no known key signed it"}
}

// Head is a signed head: how long the log was and the root of its tree. Keep the newest one seen.
type Head struct {
	Origin string
	Size   uint64
	Root   [sha256.Size]byte
	Note   string // verbatim, signatures included
}

func parseCheckpoint(text string) (*Head, error) {
	if err := checkCharacters("checkpoint", text); err != nil {
		return nil, err
	}
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[len(lines)-1] != "" {
		return nil, malformed("checkpoint: line missing or without its end")
	}
	for i, line := range lines[:len(lines)-1] {
		if line == "" {
			return nil, malformed("checkpoint: line %d is empty", i)
		}
	}
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil || strconv.FormatUint(size, 10) != lines[1] {
		return nil, malformed("checkpoint: size is no decimal number below 2^63")
	}
	root, err := decodeBase64("checkpoint: root", lines[2])
	if err != nil {
		return nil, err
	}
	empty := sha()
	if len(root) != sha256.Size || (size == 0 && !bytes.Equal(root, empty[:])) {
		return nil, malformed("checkpoint: no root of this size")
	}
	return &Head{Origin: lines[0], Size: size, Root: [sha256.Size]byte(root)}, nil
}
