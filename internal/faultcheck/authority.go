package faultcheck

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"time"
)

// authority is a self-signed certificate for 127.0.0.1.
type authority struct {
	config *tls.Config
	pool   *x509.CertPool
}

var trusted, untrusted = newAuthority(), newAuthority()

func newAuthority() authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // P-256 is supported
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err) // the template is valid
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err) // it was created above
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return authority{
		pool: pool,
		config: &tls.Config{
			Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}},
			MinVersion:   tls.VersionTLS12,
		},
	}
}
