"""What moto cannot make, and why. It is there by its name, and nothing else."""

NOT_MADE = {
    "AWS::Backup::BackupSelection": "moto has no selections",
    "AWS::CloudFront::CachePolicy": "moto has no policies of CloudFront",
    "AWS::CloudFront::OriginRequestPolicy": "moto has no policies of CloudFront",
    "AWS::CloudFront::ResponseHeadersPolicy": "moto has no policies of CloudFront",
    "AWS::CloudWatch::CompositeAlarm": "moto fails on composite alarms",
    "AWS::SNS::TopicInlinePolicy": "moto has no inline policies of topics",
    "AWS::WAFv2::WebACLAssociation": "moto associates no ACL by CloudFormation",
}
