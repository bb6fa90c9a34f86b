// Apache CXF Fediz as an application that speaks WS-Federation, for
// internal/counterparts: reads answers (the base64 of a wresult, one a line) from
// standard input, and writes what it makes of each, one line of parts with a tab
// between them:
//
//   ok <user> <issuer> <audience> <claim type>=<values> ...
//   refused <why>
//
// Its one argument is Fediz' configuration. Answers that it has taken are known
// until it ends.

import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.cxf.fediz.core.config.*;
import org.apache.cxf.fediz.core.processor.*;

public class Application {
    public static void main(String[] args) throws Exception {
        FedizConfigurator configurator = new FedizConfigurator();
        configurator.loadConfig(new File(args[0]));
        FedizContext context = configurator.getFedizContext("/app");
        FedizProcessor processor = FedizProcessorFactory.newFedizProcessor(context.getProtocol());
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line; (line = in.readLine()) != null;) {
            out.println(judge(processor, context, new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8)));
        }
    }

    static String judge(FedizProcessor processor, FedizContext context, String wresult) {
        FedizRequest request = new FedizRequest();
        request.setAction("wsignin1.0");
        request.setResponseToken(wresult);
        try {
            FedizResponse answer = processor.processRequest(request, context);
            StringJoiner parts = new StringJoiner("\t").add("ok")
                .add(answer.getUsername()).add(answer.getIssuer()).add(answer.getAudience());
            answer.getClaims().forEach(c -> parts.add(c.getClaimType() + "=" + c.getValue()));
            return parts.toString();
        } catch (Exception e) {
            return "refused\t" + String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
        }
    }
}
