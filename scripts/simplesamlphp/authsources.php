<?php

// Two service providers: one signs its requests, one does not. Both sign what
// they say of a sign-out, and verify what they are told.

$url = getenv('LATCHKEY_SP_URL');
$sp = [
    'saml:SP',
    'idp' => getenv('LATCHKEY_IDP'),
    'WantAssertionsSigned' => true,
    'acs.Bindings' => ['urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST'],
    'privatekey' => 'sp.key',
    'certificate' => 'sp.crt',
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'sign.logout' => true,
    'validate.logout' => true,
];

$config = [
    'unsigned' => $sp + ['entityID' => $url . '/unsigned'],
    'signed' => $sp + [
        'entityID' => $url . '/signed',
        'sign.authnrequest' => true,
    ],
];
