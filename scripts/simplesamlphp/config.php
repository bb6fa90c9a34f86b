<?php

// Settings of the SimpleSAMLphp that internal/counterparts runs: everything
// that is made for a run lies in the folder of this file.

$config = [
    'baseurlpath' => getenv('LATCHKEY_SP_URL') . '/',
    'certdir' => __DIR__ . '/',
    'loggingdir' => __DIR__ . '/',
    'datadir' => __DIR__ . '/',
    'tempdir' => __DIR__ . '/tmp',
    'metadatadir' => __DIR__ . '/',
    'secretsalt' => 'TEST ONLY: no secret',
    'auth.adminpassword' => bin2hex(random_bytes(16)),
    'technicalcontact_email' => 'na@example.org',
    'timezone' => 'UTC',
    'logging.level' => SimpleSAML\Logger::DEBUG,
    'logging.handler' => 'file',
    'showerrors' => true,
    'errorreporting' => false,
    'debug' => ['saml' => true, 'backtraces' => true, 'validatexml' => false],
    'enable.saml20-idp' => false,
    'module.enable' => ['core' => true, 'saml' => true],
    'session.cookie.secure' => false,
    'session.cookie.samesite' => null,
    'session.phpsession.savepath' => __DIR__ . '/tmp',
    'session.phpsession.cookiename' => 'SimpleSAML',
    'language.cookie.secure' => false,
    'language.default' => 'en',
    'language.available' => ['en'],
    'store.type' => 'phpsession',
    'metadata.sources' => [['type' => 'flatfile', 'directory' => __DIR__]],
];
