<?php

// SimpleSAMLphp as a service provider, for internal/counterparts and PHP's
// built-in server:
//
//   SIMPLESAMLPHP_CONFIG_DIR=... LATCHKEY_SIMPLESAMLPHP=/usr/share/simplesamlphp \
//       php -S 127.0.0.1:PORT router.php
//
//   /whoami?as=SOURCE   signs in at an authentication source and tells, as JSON,
//                       who it is, or the SAML status that came instead;
//                       &force, &passive ask for ForceAuthn, IsPassive
//   /leave?as=SOURCE    signs out there, and leads to /left
//   /verify?cert=FILE   whether SimpleSAMLphp verifies the signature of idp.xml
//   everything else     is SimpleSAMLphp's own

$home = getenv('LATCHKEY_SIMPLESAMLPHP') ?: '/usr/share/simplesamlphp';
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);

if (strpos($path, '/module.php') === 0) {
    // The built-in server takes the last dot of a path for a file's.
    $_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = '/module.php';
    $_SERVER['SCRIPT_FILENAME'] = $home . '/www/module.php';
    $_SERVER['PATH_INFO'] = substr($path, strlen('/module.php'));
    chdir($home . '/www');
    require $home . '/www/module.php';
    return;
}

require_once $home . '/lib/_autoload.php';
header('Content-Type: application/json');

switch ($path) {
    case '/whoami':
        $source = new \SimpleSAML\Auth\Simple($_GET['as']);
        if (isset($_GET[\SimpleSAML\Auth\State::EXCEPTION_PARAM])) {
            $state = \SimpleSAML\Auth\State::loadExceptionState();
            $e = $state[\SimpleSAML\Auth\State::EXCEPTION_DATA];
            http_response_code(403);
            echo json_encode($e instanceof \SimpleSAML\Module\saml\Error
                ? ['status' => $e->getStatus(), 'sub_status' => $e->getSubStatus(), 'message' => $e->getStatusMessage()]
                : ['error' => get_class($e) . ': ' . $e->getMessage()]);
            return;
        }
        $wish = ['ForceAuthn' => isset($_GET['force']), 'isPassive' => isset($_GET['passive'])];
        if (!$source->isAuthenticated() || in_array(true, $wish, true)) {
            $here = 'http://' . $_SERVER['HTTP_HOST'] . '/whoami?as=' . $_GET['as'];
            $source->login($wish + ['ReturnTo' => $here, 'ErrorURL' => $here]); // does not return
        }
        $id = $source->getAuthData('saml:sp:NameID');
        echo json_encode([
            'name_id' => $id->getValue(),
            'format' => $id->getFormat(),
            'attributes' => $source->getAttributes(),
        ]);
        return;

    case '/leave':
        $source = new \SimpleSAML\Auth\Simple($_GET['as']);
        $source->logout([ // does not return
            'ReturnTo' => 'http://' . $_SERVER['HTTP_HOST'] . '/left',
            'ReturnStateParam' => 'state',
            'ReturnStateStage' => 'left',
        ]);
        return;

    case '/left':
        $state = \SimpleSAML\Auth\State::loadState($_GET['state'], 'left');
        $status = $state['saml:sp:LogoutStatus'];
        $success = $status['Code'] === 'urn:oasis:names:tc:SAML:2.0:status:Success' && $status['SubCode'] === null;
        echo json_encode($success ? 'signed out' : $status);
        return;

    case '/verify':
        $xml = file_get_contents(getenv('SIMPLESAMLPHP_CONFIG_DIR') . '/idp.xml');
        $entity = \SimpleSAML\Metadata\SAMLParser::parseString($xml);
        echo json_encode($entity->validateSignature([$_GET['cert']]));
        return;
}
http_response_code(404);
