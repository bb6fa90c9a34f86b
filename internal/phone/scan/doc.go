// Package scan reads QR codes from pictures, for the software phone. It is
// apart from package phone so that only programs that scan carry a decoder.
package scan
