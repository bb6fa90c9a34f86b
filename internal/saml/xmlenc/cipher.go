package xmlenc

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
)

const (
	nonceSize = 12 // 96 bits
	tagSize   = 16 // 128 bits
	blockSize = aes.BlockSize
)

// seal encrypts. GCM gives nonce, text, tag (XML Encryption 1.1 5.2.4), CBC an
// IV and the padded text (5.2.1, 5.2.2).
func (c content) seal(key, text []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if !c.cbc {
		gcm, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		return gcm.Seal(nil, nil, text, nil), nil
	}
	// Only the last byte of the padding counts; readers that want all of them
	// to be equal, as in PKCS #7, are content too.
	n := blockSize - len(text)%blockSize
	out := make([]byte, blockSize, blockSize+len(text)+n)
	if _, err := rand.Read(out); err != nil {
		return nil, err
	}
	out = append(append(out, text...), bytes.Repeat([]byte{byte(n)}, n)...)
	body := out[blockSize:]
	cipher.NewCBCEncrypter(block, out[:blockSize]).CryptBlocks(body, body)
	return out, nil
}

// fits reports whether data can be what seal makes, apart from its content.
func (c content) fits(data []byte) bool {
	if c.cbc {
		return len(data) >= 2*blockSize && len(data)%blockSize == 0
	}
	return len(data) > nonceSize+tagSize
}

// open decrypts what fits. For CBC there is a text even where the padding is
// wrong, so that a caller can do the same work in both cases.
func (c content) open(key, data []byte) (text []byte, err error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if !c.cbc {
		gcm, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		return gcm.Open(nil, data[:nonceSize], data[nonceSize:], nil)
	}
	text = make([]byte, len(data)-blockSize)
	cipher.NewCBCDecrypter(block, data[:blockSize]).CryptBlocks(text, data[blockSize:])
	n := int(text[len(text)-1])
	if n < 1 || n > blockSize {
		return text, errPadding
	}
	return text[:len(text)-n], nil
}

var errPadding = errors.New("padding")
