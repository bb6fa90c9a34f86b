<?php

// Latchkey, as SimpleSAMLphp reads it from Latchkey's own metadata. SimpleSAMLphp
// prefers HTTP-Redirect; to make it send requests by HTTP-POST, it is shown
// only that endpoint.

$entity = \SimpleSAML\Metadata\SAMLParser::parseString(file_get_contents(__DIR__ . '/idp.xml'));
$idp = $entity->getMetadata20IdP();
unset($idp['expire'], $idp['entityDescriptor']);

$wanted = getenv('LATCHKEY_BINDING');
$idp['SingleSignOnService'] = array_values(array_filter(
    $idp['SingleSignOnService'],
    function ($endpoint) use ($wanted) {
        return substr($endpoint['Binding'], -strlen($wanted)) === $wanted;
    }
));
$metadata[$idp['entityid']] = $idp;
