<?php

// Two service providers: one signs its requests, one does not.

$url = getenv('LATCHKEY_SP_URL');
$sp = [
    'saml:SP',
    'idp' => getenv('LATCHKEY_IDP'),
    'WantAssertionsSigned' => true,
    'acs.Bindings' => ['urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST'],
];

$config = [
    'unsigned' => $sp + ['entityID' => $url . '/unsigned'],
    'signed' => $sp + [
        'entityID' => $url . '/signed',
        'privatekey' => 'sp.key',
        'certificate' => 'sp.crt',
        'sign.authnrequest' => true,
        'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    ],
];
