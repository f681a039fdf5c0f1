package auditledger

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

const (
	maxReceiveBytes = 16 << 20 // receipts of a full batch with their openings are 4 MiB
	maxTokenBytes   = 8 << 10
)

// TLS names the PEM files of a connection.
type TLS struct {
	CA        string // who signs the server's certificate
	Cert, Key string // ours, with exactly one URI SAN; both empty where a token is enough
	TokenFile string // an access token, sent with each call and read again each time; "" for none
}

// tokenFile sends the token that stands in a file, which whoever gets tokens replaces.
type tokenFile string

func (path tokenFile) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	file, err := os.Open(string(path))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxTokenBytes+1))
	if err != nil {
		return nil, err
	}
	token := bytes.TrimSpace(data)
	if len(token) == 0 || len(data) > maxTokenBytes || bytes.ContainsFunc(token, func(c rune) bool {
		return c < 0x21 || c > 0x7e
	}) {
		return nil, fmt.Errorf("%s: does not hold a token", string(path))
	}
	return map[string]string{"authorization": "Bearer " + string(token)}, nil
}

func (tokenFile) RequireTransportSecurity() bool { return true }

// Dial makes a connection to a server; it connects when it is first used. Close it in the end.
func Dial(address string, files TLS) (*grpc.ClientConn, error) {
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	authorities, err := os.ReadFile(files.CA)
	if err != nil {
		return nil, err
	}
	if !config.RootCAs.AppendCertsFromPEM(authorities) {
		return nil, fmt.Errorf("%s: holds no certificate", files.CA)
	}
	if files.Cert != "" || files.Key != "" {
		pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	} else if files.TokenFile == "" {
		return nil, errors.New("auditledger: give Cert and Key, or TokenFile, or all three")
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReceiveBytes)),
		// Retries are ours (retry.go): gRPC's would not see the ledger's reason and hint.
		grpc.WithDisableRetry(),
	}
	if files.TokenFile != "" {
		options = append(options, grpc.WithPerRPCCredentials(tokenFile(files.TokenFile)))
	}
	return grpc.NewClient(address, options...)
}
