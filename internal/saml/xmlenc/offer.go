package xmlenc

// OfferedContents lists what others should encrypt for us with, the best
// first, for our metadata.
func OfferedContents() []string { return []string{AES256GCM, AES128GCM} }

// OfferedTransports lists how they should wrap the key, the best first. Other
// combinations that Decrypt reads (a mask of another hash than the digest) are
// not offered, because a key in KMS has only these two.
func OfferedTransports() []Transport {
	return []Transport{
		{Algorithm: OAEP, Digest: SHA256, MGF: MGF1SHA256},
		{Algorithm: OAEPMGF1P, Digest: SHA1},
	}
}
